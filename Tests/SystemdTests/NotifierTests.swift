/// The messages that systemd receives.
import Foundation
@testable import Systemd
import TestSupport
import Testing

@Suite struct NotifierTests {
    @Test func `a path and an abstract name are both reached`() throws {
        let folder = try TemporaryFolder()
        for address in [folder.file("notify"), "@coupond-test-\(UInt64.random(in: 0...(.max)))"] {
            let systemd = try NotifySocket(address)
            let notifier = Notifier(environment: ["NOTIFY_SOCKET": address])
            try notifier.ready("two\nlines")
            #expect(systemd.receive() == "READY=1\nSTATUS=two lines")
            try notifier.stopping("draining")
            #expect(systemd.receive() == "STOPPING=1\nSTATUS=draining")
            try notifier.alive()
            #expect(systemd.receive() == "WATCHDOG=1")
        }
    }

    @Test func `a long status is cut, because systemd drops a long message`() throws {
        let folder = try TemporaryFolder()
        let systemd = try NotifySocket(folder.file("notify"))
        let notifier = Notifier(environment: ["NOTIFY_SOCKET": folder.file("notify")])
        try notifier.ready(String(repeating: "봄", count: 2_000))
        #expect(systemd.receive() == "READY=1\nSTATUS=" + String(repeating: "봄", count: 666))
    }

    @Test func `a systemd that does not read delays nothing`() throws {
        let folder = try TemporaryFolder()
        let systemd = try NotifySocket(folder.file("notify"))
        let notifier = Notifier(environment: ["NOTIFY_SOCKET": folder.file("notify")])
        #expect(throws: NotifierError(errorNumber: EAGAIN)) {
            for _ in 0..<100_000 { try notifier.alive() }
        }
        #expect(systemd.receive() == "WATCHDOG=1")
    }

    @Test func `without systemd nothing is sent and nothing fails`() throws {
        try Notifier(environment: [:]).ready("")
        try Notifier(environment: ["NOTIFY_SOCKET": "relative"]).ready("")
    }

    @Test func `a missing socket and a path that is too long are errors`() throws {
        let folder = try TemporaryFolder()
        #expect(throws: NotifierError(errorNumber: ENOENT)) {
            try Notifier(environment: ["NOTIFY_SOCKET": folder.file("nobody")]).ready("")
        }
        let long = "/" + String(repeating: "x", count: 200)
        #expect(throws: NotifierError(errorNumber: ENAMETOOLONG)) {
            try Notifier(environment: ["NOTIFY_SOCKET": long]).ready("")
        }
    }
}

@Suite struct EnvironmentTests {
    @Test func `the watchdog is for this process only`() {
        let second = ["WATCHDOG_USEC": "1000000"]
        #expect(Watchdog(environment: second)?.interval == .seconds(1))
        #expect(
            Watchdog(environment: second.merging(["WATCHDOG_PID": "\(getpid())"]) { $1 }) != nil)
        #expect(Watchdog(environment: second.merging(["WATCHDOG_PID": "1"]) { $1 }) == nil)
        #expect(Watchdog(environment: ["WATCHDOG_USEC": "soon"]) == nil)
        #expect(Watchdog(environment: [:]) == nil)
    }
}
