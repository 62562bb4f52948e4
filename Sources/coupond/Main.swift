/// The command line of the daemon.
internal import ArgumentParser
internal import CouponCore
internal import FileAccess
internal import Glibc
internal import Logging

@main struct Coupond: AsyncParsableCommand {
    static let version = "0.1.0"
    static let configuration = CommandConfiguration(
        commandName: "coupond",
        abstract: "Issues limited coupons, first come, first served.",
        discussion: """
            Flags win over variables (COUPOND_LISTEN for --listen), variables over the file of \
            --config, and the file over the defaults. A setting in the file is a line such as: \
            max-batch = 1000
            """,
        version: version,
        subcommands: [MigrateCommand.self, AclCommand.self, ReloadServiceCommand.self])

    @OptionGroup var options: Options

    @Flag(
        help: """
            Check the configuration, report its mistakes, and exit with 0 or 78. \
            --check-config=connect also connects to Redis and PostgreSQL, and exits with 69 if one of \
            them cannot be reached.
            """)
    var checkConfig = false

    /// `--check-config=connect`: a flag of ArgumentParser has no value.
    @Flag(name: .customLong(connectFlag), help: .hidden) var checkServers = false

    private static let connectFlag = "check-config-connect"

    @Flag(help: "Print all settings and where each comes from, as a file of --config, and exit.")
    var printConfig = false

    static func main() async {
        StandardDescriptors.reserve()
        Signals.ignoreMeaningless()
        Signals.endProcessOneByRequest()
        do {
            var command = try parseAsRoot(
                CommandLine.arguments.dropFirst().map {
                    $0 == "--check-config=connect" ? "--" + connectFlag : $0
                })
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            Glibc.exit(report(error).rawValue)
        }
    }

    /// Writes an error of the command line, or what was asked for instead of serving: help or the version.
    private static func report(_ error: any Error) -> ExitCode {
        let (text, code) = (fullMessage(for: error), exitCode(for: error))
        guard !text.isEmpty else { return code }
        let isAnswer = code == .success
        let isWritten = writeLine(text, to: isAnswer ? STDOUT_FILENO : STDERR_FILENO)
        return isAnswer && !isWritten ? outputLost() : code
    }

    /// Says that an answer cannot be written.
    static func outputLost(_ number: Int32 = errno) -> ExitCode {
        writeLine(
            "standard output cannot be written: \(systemError(number))", to: STDERR_FILENO)
        return ExitCode(EX_IOERR)
    }

    func run() async throws {
        let configuration = try await checked(options)
        if printConfig { return try answer(configuration.asFile) }
        if checkServers { return try await answer(serversAreGood(configuration)) }
        if checkConfig {
            let ignored = configuration.foreignVariables
            let note = ignored.isEmpty ? "" : "\nIgnored: \(ignored.joined(separator: ", "))"
            return try answer("The configuration is good." + note)
        }
        let log = LogWriter(
            descriptor: STDERR_FILENO, isJSON: configuration.logFormat.isJSON(for: STDERR_FILENO),
            isJournal: Journal.reads(STDERR_FILENO, environment: environment()))
        LineLogHandler.bootstrap(level: configuration.logLevel, writer: log)
        defer { log.flush(withinMilliseconds: Limits.logFlushMilliseconds) }
        do {
            try await serve(configuration, flags: options.flags, log)
        } catch let code as ExitCode {
            throw code
        } catch {
            Logger(label: "coupond").critical(
                "the daemon failed", metadata: [LogKey.error: "\(error)"])
            throw ExitCode(EX_SOFTWARE)
        }
    }
}

/// The configuration.
/// - Throws: an `ExitCode`, after its mistakes are written.
func checked(_ options: Options) async throws -> Configuration {
    do {
        let configuration = try await Configuration(
            flags: options.flags, environment: environment())
        try configuration.checkTLSFiles()
        return configuration
    } catch let error as ConfigurationError {
        writeLine("\(error)", to: STDERR_FILENO)
        throw ExitCode(EX_CONFIG)
    }
}

/// Writes what the command line asks for.
func answer(_ text: String) throws {
    guard writeLine(text, to: STDOUT_FILENO) else { throw Coupond.outputLost() }
}
