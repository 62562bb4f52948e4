internal import ArgumentParser

/// The command line of coupond, for people and for scripts. See docs/COUPONCTL.md.
@main
struct Couponctl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "couponctl",
        abstract: "Creates, issues and checks the coupons of a coupond.",
        discussion: """
            Exit codes: 0 done; 1 the answer is no, or an account does not add up; 64 wrong usage; \
            69 the daemon is not there or cannot now; 70 the daemon failed; 75 the result is unknown, \
            ask again; 77 not allowed.
            """,
        subcommands: [
            CouponCommand.self, IssueCommand.self, StatusCommand.self, BenchCommand.self,
            WatchCommand.self, VerifyCommand.self, DeadLetterCommand.self, ReloadCommand.self,
            GateCommand.self,
        ])

    // Here too, to allow them before the command's name.
    @OptionGroup var global: GlobalOptions
}
