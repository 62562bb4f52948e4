/// `coupond migrate`: changes the schema as its owner, so that daemons need no right to.
internal import ArgumentParser
internal import CouponCore
internal import CouponPostgres
internal import Glibc
internal import Logging

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the schema of the database up to date, and end.",
        discussion: """
            Give the owner's connection string as --postgres, the same --partitions as the daemons \
            have, and the daemons' role as --grant-to. It may run again, and while daemons run.
            """)

    @OptionGroup var options: Options

    @Option(help: "A role that gets the rights of a daemon, and loses all others in the schema.")
    var grantTo: String?

    func validate() throws { if let grantTo { try checkRoleName(grantTo) } }

    func run() async throws {
        let configuration = try await checked(options)
        let postgres = PostgresOptions(configuration)
        let role = grantTo
        do {
            let error: Int32? = try await onThread {
                var error: Int32?
                _ = try Installation.migrate(
                    postgres, partitions: configuration.partitions, grantTo: role,
                    logger: Logger(label: "coupond") { _ in SwiftLogNoOpLogHandler() }
                ) { if !writeLine($0, to: STDOUT_FILENO) { error = errno } }
                return error
            }
            if let error { throw Coupond.outputLost(error) }
        } catch let error as BackendError {
            writeLine("\(error)", to: STDERR_FILENO)
            throw ExitCode(error.isRefusal ? EX_CONFIG : EX_UNAVAILABLE)
        }
    }
}
