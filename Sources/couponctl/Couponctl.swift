internal import ArgumentParser
internal import CouponCore
internal import FileAccess
internal import Glibc

/// The command line of coupond, for people and for scripts. See docs/COUPONCTL.md.
@main
struct Couponctl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "couponctl",
        abstract: "Creates, issues and checks the coupons of a coupond.",
        discussion: """
            Exit codes: 0 done; 1 the answer is no, or an account does not add up; 64 wrong usage; \
            69 the daemon is away, or cannot do it now; 70 the daemon failed; 74 standard output \
            cannot be written; 75 the result is unknown, ask again; 77 not allowed.
            """,
        subcommands: [
            CouponCommand.self, IssueCommand.self, StatusCommand.self, BenchCommand.self,
            WatchCommand.self, VerifyCommand.self, DeadLetterCommand.self, ReloadCommand.self,
            GateCommand.self, RedisCommand.self, TopologyCommand.self, HealthCommand.self,
            HistoryCommand.self, ExplainCommand.self, CallerCommand.self, TopCommand.self,
            CompletionCommand.self, ContextCommand.self, ConnectionCommand.self,
        ])

    // Here too, to allow them before the command's name.
    @OptionGroup var global: GlobalOptions

    static func main() async {
        // A write to a closed pipe fails, and does not end the program.
        _ = signal(SIGPIPE, SIG_IGN)
        // So does a write to a file that is full by RLIMIT_FSIZE.
        _ = signal(SIGXFSZ, SIG_IGN)
        if getpid() == 1 {
            // The kernel does not end process 1 of a container by a signal that it does not handle.
            for number in [SIGTERM, SIGINT] { _ = signal(number) { _exit(128 + $0) } }
        }
        StandardDescriptors.reserve()
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            Glibc.exit(report(error).rawValue)
        }
    }

    /// Writes an error, or what was asked for instead of a command: help or a version.
    private static func report(_ error: any Error) -> ExitCode {
        let (text, code) = (fullMessage(for: error), exitCode(for: error))
        guard !text.isEmpty else { return code }
        guard code == .success else {
            // The text quotes arguments, which a script may have from elsewhere.
            standardError(text.safeLinesForTerminal + "\n")
            return code
        }
        do throws(OutputLost) {
            try Output.write([text])
            return code
        } catch {
            return error.reported()
        }
    }
}
