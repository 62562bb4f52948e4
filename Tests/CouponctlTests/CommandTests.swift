import ArgumentParser
import TestWorld
import CouponClient
import Testing

@testable import couponctl

/// Whole commands, against a model of a daemon.
@Suite(.timeLimit(.minutes(10))) struct CommandTests {
    /// Runs a command line. Returns its exit code.
    private func run(_ arguments: [String], _ fault: ModelDaemon.Fault = .none) async throws
        -> Int32
    {
        let model = ModelDaemon(fault)
        let daemon = try await CannedDaemon.start { model.reply($0) }
        var code: Int32 = 0
        for line in arguments.split(separator: "then") {
            code = await Self.run(["--address", daemon.address.description] + line)
        }
        try await daemon.stop()
        return code
    }

    private static func run(_ arguments: [String]) async -> Int32 {
        do {
            guard var command = try Couponctl.parseAsRoot(arguments) as? any AsyncParsableCommand
            else { return -1 }
            try await command.run()
            return 0
        } catch {
            return Couponctl.exitCode(for: error).rawValue
        }
    }

    private static let sale = [
        "bench", "--users", "300", "--coupon-total", "100", "--connections", "4", "--pipeline", "8",
    ]
    private static let creation = [
        "coupon", "create", "--id", "7", "--title", "t", "--closes", "+1h",
    ]

    @Test(arguments: [
        [], ["--json"], ["--asks", "1"], ["--users", "50"], ["--connections", "1"],
        ["--rate", "5000"], ["--rate", "1000000", "--connections", "1", "--pipeline", "1"],
    ])
    func `a good sale ends well`(options: [String]) async throws {
        #expect(try await run(Self.sale + options) == 0)
    }

    @Test(arguments: [
        ModelDaemon.Fault.losesARow, .answersAWrongSequence, .overIssues, .forgetsToClose, .hangsUp,
    ])
    func `a bad sale is found`(fault: ModelDaemon.Fault) async throws {
        #expect(try await run(Self.sale, fault) == 1)
        #expect(try await run(Self.sale + ["--rate", "20000"], fault) == 1)
    }

    @Test(arguments: [[], ["--json"], ["--rate", "5000"]])
    func `bench asks for statuses`(options: [String]) async throws {
        let status = ["bench", "--status", "--coupon", "7", "--users", "50"] + options
        #expect(try await run(Self.creation + ["then"] + status) == 0)
        #expect(try await run(status) == 1, "there is no coupon")
    }

    @Test func `watch looks as often as its option says`() async throws {
        let watch = ["watch", "--coupon", "7", "--looks", "3", "--every", "10ms"]
        #expect(try await run(Self.creation + ["then"] + watch) == 0)
        #expect(try await run(Self.creation + ["then"] + watch + ["--json"]) == 0)
        #expect(try await run(watch) == 1, "there is no such coupon")
        #expect(await Self.run(["watch", "--coupon", "7", "--looks", "0"]) == 64)
        let away = ["--address", "127.0.0.1:1"] + watch
        #expect(await Self.run(away) == 0, "watch waits for the daemon")
    }

    @Test func `verify judges the coupon of a bench`() async throws {
        #expect(try await run(Self.sale + ["then", "verify"]) == 0)
        #expect(try await run(Self.sale + ["then", "verify", "--json"], .overIssues) == 1)
    }

    @Test func `verify names a coupon that cannot be read, and goes on with the next`() async throws
    {
        for options in [[], ["--json"]] {
            let verify = ["verify"] + options
            #expect(try await run(Self.creation + ["then"] + verify, .cannotAuditTheFirst) == 1)
            #expect(try await run(Self.creation + ["then"] + verify, .cannotAudit) == 75)
        }
        let one = ["verify", "--coupon", "7"]
        #expect(try await run(Self.creation + ["then"] + one, .cannotAudit) == 69)
    }

    @Test func `coupons are created and shown`() async throws {
        #expect(try await run(Self.creation + ["--total", "5"]) == 0)
        #expect(try await run(Self.creation + ["then", "coupon", "get", "7", "--json"]) == 0)
        #expect(try await run(Self.creation + ["then", "coupon", "list"]) == 0)
        #expect(try await run(Self.creation + ["then"] + Self.creation) == 1)
        #expect(try await run(["coupon", "get", "7"]) == 1)
    }

    @Test func `an issue shows its outcome and its status`() async throws {
        let issue = ["issue", "--coupon", "7", "--user", "1", "--request-id", "00ff"]
        let coupon = Self.creation + ["--total", "5", "then"]
        #expect(try await run(coupon + issue) == 0)
        #expect(try await run(coupon + issue + ["then"] + issue) == 1)
        #expect(
            try await run(coupon + issue + ["then", "status", "--coupon", "7", "--user", "1"]) == 0)
    }

    @Test(arguments: [
        ["issue", "--coupon", "0", "--user", "1"],
        ["issue", "--coupon", "1", "--user", "1", "--request-id", "xyz"],
        ["issue", "--coupon", "1", "--user", "1", "--request-id", ""],
        ["coupon", "create", "--id", "1", "--title", "t", "--closes", "soon"],
        ["coupon", "update", "1"], ["coupon", "create", "--id", "1"],
        ["coupon", "create", "--file", "/nowhere"],
        ["coupon", "create", "--file", "-", "--id", "1"],
        ["bench", "--pipeline", "0"], ["bench", "--rate", "0"], ["bench", "--rate", "nan"],
        ["bench", "--status"],
        ["status", "--coupon", "1", "--token-file", "/nowhere"],
        ["status", "--coupon", "1", "--address", "nowhere"],
        ["frobnicate"],
    ])
    func `wrong usage has its own exit code`(arguments: [String]) async throws {
        #expect(await Self.run(arguments) == 64)
    }

    @Test func `a missing daemon has its own exit code`() async throws {
        let daemon = try await CannedDaemon.start { _ in .silence }
        try await daemon.stop()
        let address = daemon.address.description
        #expect(await Self.run(["status", "--coupon", "1", "--address", address]) == 69)
        #expect(await Self.run(["verify", "--address", address, "--json"]) == 69)
        #expect(await Self.run(Self.sale + ["--address", address]) == 69)
    }
}
