/// `--check-config=connect`: what only Redis and PostgreSQL know, before the daemon starts. Changes nothing.
internal import ArgumentParser
internal import CouponCore
internal import CouponPostgres
internal import CouponRedis
internal import Glibc
internal import Logging

/// Asks both servers, even if the first has refused.
/// - Returns: what they said, for people.
/// - Throws: an `ExitCode`, after the reasons are written.
func serversAreGood(_ configuration: Configuration) async throws -> String {
    let access: RedisAccess
    do throws(FileMistake) {
        access = try RedisAccess(configuration)
    } catch {
        writeLine("\(error)", to: STDERR_FILENO)
        throw ExitCode(EX_CONFIG)
    }
    let logger = Logger(label: "coupond") { _ in SwiftLogNoOpLogHandler() }
    let redis = RedisOptions(configuration, access, logger: logger)
    let postgres = PostgresOptions(configuration)
    return try await onThread {
        let results = [
            result { () throws(BackendError) in
                let gates = RedisGateControl(options: redis, logger: logger)
                _ = try gates.identity()
                try gates.checkRights()
                let silent = gates.silentNodes
                return "redis: \(redis.topology?.current.map { "\($0.summary); " } ?? "")"
                    + "its settings keep what was accepted, and its user has all rights"
                    + (silent.isEmpty || !redis.isCluster
                        ? "" : "; no answer from \(silent.joined(separator: ", "))")
            },
            result { () throws(BackendError) in
                try "postgres: "
                    + Installation.check(
                        postgres, partitions: configuration.partitions,
                        mayMigrate: configuration.migrateAtStart, logger: logger)
            },
        ]
        let refusals = results.filter { $0.code != EX_OK }
        guard let worst = refusals.map(\.code).max() else {
            return "The configuration is good.\n" + results.map(\.text).joined(separator: "\n")
        }
        for refusal in refusals { writeLine(refusal.text, to: STDERR_FILENO) }
        throw ExitCode(worst)
    }
}

/// What a server said, or why it cannot be used, with the exit code for that.
private func result(
    _ body: () throws(BackendError) -> String
) -> (code: Int32, text: String) {
    do throws(BackendError) {
        return (EX_OK, try body())
    } catch {
        let text = "\(error)".safeForTerminal
        switch error {
        case .redis(.unsafeSettings), .redis(.missingRights), .postgres(.refused):
            return (EX_CONFIG, text)
        default: return (EX_UNAVAILABLE, text)
        }
    }
}
