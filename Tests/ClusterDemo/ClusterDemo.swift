/// `make demo-cluster`: a sale on three masters, one of which is killed in the middle.
internal import ArgumentParser
internal import CouponCore
internal import Foundation
internal import HistoryChecker
internal import TestSupport

@main
struct ClusterDemo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clusterdemo", abstract: "Daemons on a Redis Cluster.",
        subcommands: [SaleCommand.self, FiguresCommand.self], defaultSubcommand: SaleCommand.self)
}

struct SaleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sale",
        abstract: "Runs a sale on a Redis Cluster, kills a master, and checks the accounts.")

    @Option(help: "Replicas that must have an acceptance before it is answered: 0 or 1.")
    var waitReplicas = 0
    @Option(help: "How many users each coupon has; a third of them gets one.") var users = 1_500

    func validate() throws {
        guard (0...1).contains(waitReplicas) else {
            throw ValidationError("--wait-replicas is 0 or 1: each master has one replica")
        }
        guard users >= 3 else { throw ValidationError("--users is at least 3") }
    }

    func run() async throws {
        let beginning = ContinuousClock.now
        say("starting three masters with a replica each, PostgreSQL and two daemons")
        let sale = try await ClusterSale(users: Int64(users), waitReplicas: waitReplicas)
        for line in sale.coupons.map(\.line) { say(line) }
        let (history, tables) = try await sale.run()
        let report = SaleReport(history, tables)
        for line in report.answers { say(line) }
        for line in sale.failures { say(line) }
        for line in report.lost { say(line) }
        var checker = HistoryChecker()
        // The load and all servers share this machine.
        checker.toleranceMilliseconds = 2_000
        let breaches = checker.check(history, against: tables)
        for breach in breaches.prefix(10) { say("BREACH  \(breach)") }
        let (verdict, isGood) = try await sale.verify()
        say("couponctl verify says:\n\(verdict)")
        let seconds = (ContinuousClock.now - beginning).components.seconds
        say(
            breaches.isEmpty && isGood
                ? "kept: every answer agrees with the rows, after \(seconds) s"
                : "BREACH: \(breaches.count) by the answers, after \(seconds) s")
        if !breaches.isEmpty || !isGood { throw ExitCode.failure }
    }
}

/// Prints a line without buffering, also into a pipe.
func say(_ line: String) {
    try? FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
}
