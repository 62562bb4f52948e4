/// Settings that a reload reads again.
import CouponAccess
import CouponCore
import CouponServer
import Foundation
import Logging
import TestSupport
import Testing

@testable import coupond

/// The tests run one at a time, because they change the level of all loggers.
@Suite(.serialized) struct CurrentSettingsTests {
    private let folder: ConfigurationFolder
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init() throws { folder = try ConfigurationFolder() }

    private func start(
        _ text: String, _ flags: [String: String] = [:]
    ) async throws -> CurrentSettings {
        let flags = flags.merging(["config": try folder.write(text)]) { $1 }
        let configuration = try await Configuration(flags: flags, environment: [:])
        return CurrentSettings(
            configuration, DescriptorNeeds(configuration), flags: flags, environment: [:])
    }

    private func reload(_ settings: CurrentSettings) async throws -> ReloadedSettings {
        settings.use(try await settings.read(), logger)
    }

    @Test func `a change that a restart needs is named until it is taken back`() async throws {
        let settings = try await start("max-batch = 1\nidle-timeout = 1m\n")
        for (text, changed, waiting) in [
            ("max-batch = 2\nidle-timeout = 2m\n", ["idle-timeout"], ["max-batch"]),
            ("max-batch = 2\nidle-timeout = 2m\n", [], ["max-batch"]),
            ("max-batch = 1\nidle-timeout = 1m\n", ["idle-timeout"], []),
        ] {
            _ = try folder.write(text)
            let report = try await reload(settings).report
            #expect(report == ReloadReport(changed: changed, needsRestart: waiting))
        }
    }

    @Test(arguments: [
        "listen = 127.0.0.1:7070", "listen = 0.0.0.0:7070\nallow-anonymous-callers = true",
    ])
    func `who may call is judged by the listeners as they are, not as a restart would make them`(
        next: String
    ) async throws {
        let callers = try folder.folder.write("anonymous roles=reader\n", to: "callers")
        func text(_ listen: String) -> String {
            """
            \(listen)
            metrics-listen = off
            allow-plaintext = true
            callers-file = \(callers)

            """
        }
        let flags = ["config": try folder.write(text("listen = 0.0.0.0:7070"))]
        let configuration = try await Configuration(flags: flags, environment: [:])
        let settings = CurrentSettings(
            configuration, DescriptorNeeds(configuration), flags: flags, environment: [:])
        let reloadable = Reloadable(try ConfiguredFiles(configuration, logger), settings, logger)
        func reload() async throws {
            _ = try await onThread { try reloadable.reload { _ in } }
        }
        _ = try folder.write(text(next))
        _ = try folder.folder.write("anonymous roles=reader,operator,admin\n", to: "callers")
        let failure = await #expect(throws: Failure.self) { try await reload() }
        #expect(
            failure?.message.contains("anonymous has the role operator, admin, and until a restart")
                == true, "\(failure?.message ?? "")")
        #expect(reloadable.secrets.callers.anonymous.roles == [.reader])
        _ = try folder.folder.write("anonymous roles=issuer\n", to: "callers")
        try await reload()
        #expect(reloadable.secrets.callers.anonymous.roles == [.issuer])
    }

    @Test func `a flag wins over the file at a reload too`() async throws {
        let settings = try await start("idle-timeout = 1m\n", ["idle-timeout": "3m"])
        _ = try folder.write("idle-timeout = 2m\n")
        let reloaded = try await reload(settings)
        #expect(reloaded.limits.idleSeconds == 180)
        #expect("\(reloaded.report)" == "reloaded")
    }

    @Test func `a file with mistakes is refused with the place of each`() async throws {
        let settings = try await start("idle-timeout = 1m\n")
        let file = try folder.write("\nidle-timeout = soon\nlisten = here\n")
        let failure = await #expect(throws: Failure.self) { try await settings.read() }
        let text = failure?.message ?? ""
        #expect(text.contains("\(file):2: idle-timeout is \"soon\""), "\(text)")
        #expect(text.contains("\(file):3: listen is \"here\""))
        #expect(text.hasSuffix("; nothing has changed"))
    }

    @Test func `limits of callers follow the file`() async throws {
        let settings = try await start("user-rate = 3\n")
        _ = try folder.write(
            """
            max-connections = 5
            max-connections-per-address = 4
            max-requests-in-flight = 3
            max-buffer-bytes = 2000000
            slow-request = 7ms
            log-sample = 9

            """)
        let reloaded = try await reload(settings)
        #expect(reloaded.limits.connections == 5)
        #expect(reloaded.limits.perAddress == .number(4))
        #expect(reloaded.limits.requestsInFlight == 3)
        #expect(reloaded.limits.bufferBytes == 2_000_000)
        #expect(reloaded.limits.requestsPerUser == nil)
        #expect(reloaded.reporting == RequestReporting(slowMilliseconds: 7, sampleEvery: 9))
        #expect(
            "\(reloaded.report)"
                == "reloaded; changed max-connections, max-connections-per-address, "
                + "user-rate, max-requests-in-flight, max-buffer-bytes, slow-request, log-sample")
    }

    @Test func `all loggers get the new level, except one with a level of its own`() async throws {
        let writer = LogWriter(descriptor: 2, isJSON: false)
        let common = LineLogHandler(label: "test", writer: writer)
        let own = LineLogHandler(label: "test", level: .error, writer: writer)
        let settings = try await start("log-level = info\n")
        for level in [Logger.Level.debug, .critical, .info] {
            _ = try folder.write("log-level = \(level)\n")
            _ = try await reload(settings)
            #expect(common.logLevel == level)
            #expect(own.logLevel == .error)
        }
    }

    @Test func `the docs name the settings that a reload changes`() throws {
        let text = try String(
            contentsOfFile: repositoryRoot + "/docs/OPERATIONS.md", encoding: .utf8)
        let list = text.components(separatedBy: "reloadable: a test").dropFirst().first?
            .components(separatedBy: "<!-- end of reloadable").first
        let named = list?.matches(of: /`([a-z-]+)`/).map { String($0.1) } ?? []
        #expect(Set(named) == Settings.reloadable)
        #expect(Settings.reloadable.isSubset(of: Settings.all.map(\.key)))
    }
}
