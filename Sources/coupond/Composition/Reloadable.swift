/// What a reload reads again: the settings, and the files that they name. All of it changes, or nothing.
internal import ArgumentParser
internal import CoreMetrics
internal import CouponAccess
internal import CouponCore
internal import CouponRedis
internal import CouponServer
internal import Glibc
internal import Logging

/// The files that settings name, as they were read last.
struct ConfiguredFiles: Sendable {
    let secrets: Secrets
    /// Nil if the daemon has no certificate.
    let tls: CallerTLS?
    let redis: RedisAccess

    /// - Throws: an exit code if a file cannot be used. All were readable a moment ago, when the
    ///   configuration was checked.
    init(_ configuration: Configuration, _ logger: Logger) throws {
        do throws(SecretError) {
            secrets = try Secrets(configuration)
        } catch {
            logger.critical(
                "a file with a secret cannot be used", metadata: [LogKey.reason: "\(error)"])
            throw ExitCode(EX_CONFIG)
        }
        do throws(TLSMistake) {
            tls = try TLSFiles(configuration).map { files throws(TLSMistake) in
                try CallerTLS(files, logger)
            }
        } catch {
            logger.critical("a TLS file cannot be used", metadata: [LogKey.reason: "\(error)"])
            throw ExitCode(EX_CONFIG)
        }
        do throws(FileMistake) {
            redis = try RedisAccess(configuration)
        } catch {
            logger.critical(
                "a file for connections to Redis cannot be used",
                metadata: [LogKey.reason: "\(error)"])
            throw ExitCode(EX_CONFIG)
        }
    }

    /// What the files say now, for ``use(_:)``.
    struct Contents {
        fileprivate let certificates: ServerTLS.Loaded?
        fileprivate let redis: RedisCredentials
        fileprivate let access: Secrets.Access
    }

    func read() throws(Failure) -> Contents {
        let certificates: ServerTLS.Loaded?
        do throws(TLSMistake) {
            certificates = try tls?.files.load()
        } catch {
            throw Failure(.failedPrecondition, "\(error); the old certificate stays in use")
        }
        let credentials: RedisCredentials
        do throws(FileMistake) {
            credentials = try redis.read()
        } catch {
            throw Failure(.failedPrecondition, "\(error); nothing has changed")
        }
        do throws(SecretError) {
            return Contents(
                certificates: certificates, redis: credentials, access: try secrets.read())
        } catch {
            throw Failure(.failedPrecondition, "\(error)")
        }
    }

    /// From now on these hold.
    /// - Returns: the principals that have changed; nil if none has.
    func use(_ contents: Contents) -> CallersChange? {
        if let certificates = contents.certificates { tls?.use(certificates) }
        redis.use(contents.redis)
        let change = CallersChange(from: secrets.callers, to: contents.access.callers)
        secrets.use(contents.access)
        return change
    }
}

struct Reloadable: Sendable {
    private let files: ConfiguredFiles
    private let settings: CurrentSettings
    private let logger: Logger
    private let failures = Counter(label: MetricName.reloadFailures)

    init(_ files: ConfiguredFiles, _ settings: CurrentSettings, _ logger: Logger) {
        self.files = files
        self.settings = settings
        self.logger = logger
    }

    /// The admin token and the callers.
    var secrets: Secrets { files.secrets }

    /// Everything is read before anything is used.
    /// - Parameter apply: called with the settings if they are good.
    func reload(_ apply: (Configuration) -> Void) throws(Failure) -> ReloadedSettings {
        do throws(Failure) {
            let contents = try files.read()
            let configuration = try settings.readFromLane()
            try settings.check(contents.access.callers)
            let change = files.use(contents)
            apply(configuration)
            var reloaded = settings.use(configuration, logger)
            reloaded.callers = change
            return reloaded
        } catch {
            failures.increment()
            throw error
        }
    }
}
