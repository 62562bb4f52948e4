/// The settings as they are in use. A reload reads them again: some change at once, others at the next start.
internal import CoreMetrics
internal import CouponAccess
internal import CouponCore
internal import CouponServer
internal import Logging
internal import SerialThreads
internal import Synchronization

final class CurrentSettings: Sendable {
    private let flags: [String: String]
    private let environment: [String: String]
    private let started: Configuration
    private let needs: DescriptorNeeds
    private let current: Mutex<Configuration>
    private let waiting = Gauge(label: MetricName.settingsNeedRestart)

    /// - Parameters:
    ///   - configuration: of the start.
    ///   - needs: the descriptors that callers do not get.
    ///   - flags: what the command line had, by key.
    ///   - environment: the process's.
    init(
        _ configuration: Configuration, _ needs: DescriptorNeeds, flags: [String: String],
        environment: [String: String]
    ) {
        started = configuration
        self.needs = needs
        self.flags = flags
        self.environment = environment
        current = Mutex(configuration)
        waiting.record(0)
    }

    /// Reads the file, the variables and the files that settings name again, for ``use(_:_:)``.
    func read() async throws(Failure) -> Configuration {
        do {
            let configuration = try await Configuration(flags: flags, environment: environment)
            try configuration.checkTLSFiles()
            return configuration
        } catch let error as ConfigurationError {
            let problems = error.problems.map(\.description).joined(separator: "; ")
            throw Failure(.failedPrecondition, problems + "; nothing has changed")
        } catch {
            throw Failure(.failedPrecondition, "\(error); nothing has changed")
        }
    }

    /// The same, on the thread of a lane: the library that reads the file can only be awaited.
    func readFromLane() throws(Failure) -> Configuration {
        let result = wait { () async -> Result<Configuration, Failure> in
            do throws(Failure) { return .success(try await self.read()) } catch {
                return .failure(error)
            }
        }
        guard let result else { throw Failure(.internal, "the settings were not read") }
        return try result.get()
    }

    /// Judges callers by the listeners as they are: after a reload the new callers count at once, but who may
    /// connect, and how, only changes at the next start.
    func check(_ callers: Callers) throws(Failure) {
        guard let roles = started.forbiddenRoles(of: callers.anonymous) else { return }
        throw Failure(
            .failedPrecondition,
            "callers-file: anonymous has the role \(roles), and until a restart the daemon listens beyond "
                + "this machine as before: remove the role, or restart the daemon; nothing has changed"
        )
    }

    /// Uses a configuration from now on, except for what needs a restart.
    func use(_ configuration: Configuration, _ logger: Logger) -> ReloadedSettings {
        let report = current.withLock { current in
            defer { current = configuration }
            return ReloadReport(
                changed: configuration.changes(from: current).filter(Settings.reloadable.contains),
                needsRestart: configuration.changes(from: started)
                    .filter { !Settings.reloadable.contains($0) })
        }
        LineLogHandler.use(configuration.logLevel)
        waiting.record(report.needsRestart.count)
        if !report.changed.isEmpty {
            logger.notice(
                "settings have changed",
                metadata: [LogKey.settings: "\(report.changed.joined(separator: ", "))"])
        }
        if !report.needsRestart.isEmpty {
            logger.warning(
                "settings have changed that need a restart",
                metadata: [LogKey.settings: "\(report.needsRestart.joined(separator: ", "))"])
        }
        let connections = needs.admitted(configuration.maxConnections, logger)
        return ReloadedSettings(
            limits: CallerLimits(configuration, connections: connections),
            reporting: RequestReporting(configuration), report: report)
    }
}
