/// What systemd is told around a reload and a drain.
import CouponCore
import CouponServer
import Logging
import TestSupport
import Testing

@testable import coupond

@Suite struct SystemdLinkTests {
    private let folder: TemporaryFolder
    private let systemd: NotifySocket
    private let link: SystemdLink

    init() throws {
        folder = try TemporaryFolder()
        systemd = try NotifySocket(folder.file("notify"))
        link = SystemdLink(
            LogWriter(descriptor: 2, isJSON: false),
            Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            environment: ["NOTIFY_SOCKET": folder.file("notify")])
        link.listening(on: "here")
        #expect(systemd.receive() == "READY=1\nSTATUS=listening on here")
    }

    private func reload(needing settings: [String], failing reason: String? = nil) {
        let reloaded = ReloadedSettings(
            limits: CallerLimits(),
            reporting: RequestReporting(slowMilliseconds: nil, sampleEvery: nil),
            report: ReloadReport(needsRestart: settings))
        _ = try? link.reload { () throws(Failure) in
            if let reason { throw Failure(.failedPrecondition, reason) }
            return reloaded
        }
    }

    private func expect(_ note: String) {
        #expect(systemd.receive().hasPrefix("RELOADING=1\n"))
        #expect(systemd.receive() == "READY=1\nSTATUS=listening on here\(note)")
        for _ in 1...2 {
            link.report("serving")
            #expect(systemd.receive(status: true) == "STATUS=serving\(note)")
        }
    }

    @Test func `what a reload leaves to people stays in the status line until the next one`() {
        reload(needing: [], failing: "no file")
        expect("; the last reload failed: no file")
        reload(needing: ["listen", "max-batch"])
        expect("; a restart is needed for listen, max-batch")
        // What is in use has not changed.
        reload(needing: [], failing: "no\u{1b}")
        expect(
            "; a restart is needed for listen, max-batch; the last reload failed: no\\u{1b}")
        reload(needing: [])
        expect("")
    }

    @Test func `a reload that ends during the drain does not take the notice of it back`() {
        _ = try? link.reload { () throws(Failure) in
            // The stop that this bounds is not waited for.
            link.draining(withinMilliseconds: 86_400_000)
            throw Failure(.failedPrecondition, "no file")
        }
        link.report("serving")
        reload(needing: [])
        #expect(systemd.receive(status: true).hasPrefix("RELOADING=1\n"))
        #expect(systemd.receive(status: true) == "STOPPING=1\nSTATUS=draining")
        #expect(systemd.receive(status: true) == "")
    }
}
