/// Real daemons, Redis and PostgreSQL under real traffic, while faults break them.
internal import ArgumentParser
internal import CouponCore
internal import Dispatch
internal import Foundation
internal import HistoryChecker
internal import TestSupport
internal import TestWorld

@main
struct Chaos: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chaos",
        abstract:
            "Breaks a whole system again and again, and compares every answer with the tables.")

    @Option(help: "The number of rounds.") var rounds = 50
    @Option(help: "The seed of the first round. Default: random.") var seed: UInt64?
    @Option(help: "Milliseconds that an answer may be late beyond the promised limit.")
    var tolerance: Int64 = 1_000
    @Flag(help: "Redis is a cluster of three masters with a replica each.") var cluster = false
    @Flag(help: "Redis is a master with two replicas, and has three sentinels.")
    var sentinel = false
    @Option(help: "Use only faults whose name contains this.") var only = ""
    @Option(help: "The folder for logs and reports of failed rounds.") var evidence = ".local/chaos"

    func run() async throws {
        let work = Task { try await playAll() }
        // Ctrl-C ends the round in order, so it leaves no process behind.
        let sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { work.cancel() }
            source.resume()
            return source
        }
        defer { for source in sources { source.cancel() } }
        try await work.value
    }

    private func playAll() async throws {
        let first = seed ?? .random(in: 0...(.max))
        say(
            "chaos: \(rounds) rounds from seed \(first);"
                + " answers may be \(HistoryChecker.grantedMilliseconds) + \(tolerance) ms late")
        let servers = try await Servers()
        let canIsolate = cluster ? await Self.canIsolate() : false
        var (played, failed) = (0, 0)
        while played < rounds, !Task.isCancelled {
            let seed = played == 0 ? first : SplitMix64.mixed(first, played)
            if try await !play(seed, on: servers, canIsolate) { failed += 1 }
            played += 1
        }
        say("chaos: \(played) rounds, \(failed) with a breach")
        if failed > 0 || played < rounds { throw ExitCode.failure }
    }

    /// Whether a master can be cut off from the others here.
    private static func canIsolate() async -> Bool {
        if (try? await BridgedNetwork(1)) != nil { return true }
        say(
            "chaos: cannot make network namespaces here, so cluster-master-isolated is left out")
        return false
    }

    /// False if a promise was broken.
    private func play(
        _ seed: UInt64, on servers: Servers, _ canIsolate: Bool
    ) async throws -> Bool {
        let all =
            cluster ? Fault.allInCluster : sentinel ? Fault.allWithSentinels : Fault.all
        let faults = all.filter {
            (only.isEmpty || "\($0)".contains(only)) && (servers.hasLogDisk || $0 != .logDiskFull)
                && (canIsolate || $0 != .cluster(.masterIsolated))
        }
        let schedule = Schedule(
            seed: seed, faults: faults, inCluster: cluster, withSentinels: sentinel)
        var checker = HistoryChecker()
        checker.toleranceMilliseconds = tolerance
        let round = Round(schedule: schedule, checker: checker)
        let keeper = Evidence(folder: evidence)
        do {
            let verdict = try await round.play(on: servers.postgres(for: schedule)) {
                world, report in
                say("logs and report: \(keeper.keep(world, seed: seed, report))")
            }
            for line in verdict.breaches.isEmpty ? [verdict.line] : verdict.report { say(line) }
            return verdict.breaches.isEmpty
        } catch {
            guard !Task.isCancelled else { return true }
            say("seed \(seed): \(schedule): BREACH: \(error)")
            return false
        }
    }
}

/// The PostgreSQL servers, which all rounds share because they take long to make.
struct Servers {
    private let postgres: PostgresServer
    private let logDisk: PostgresServer?

    init() async throws {
        postgres = try await PostgresServer()
        logDisk = try? await PostgresServer(smallLogDisk: true)
        if logDisk == nil { say("chaos: cannot mount a tmpfs here, so log-disk-full is left out") }
    }

    /// Whether PostgreSQL's disk can be filled.
    var hasLogDisk: Bool { logDisk != nil }

    /// The server for a round.
    func postgres(for schedule: Schedule) -> PostgresServer {
        guard let logDisk, schedule.strikes.contains(where: { $0.fault == .logDiskFull }) else {
            return postgres
        }
        return logDisk
    }
}

extension SplitMix64 {
    /// The seed of a later round.
    static func mixed(_ seed: UInt64, _ number: Int) -> UInt64 {
        var random = SplitMix64(seed: seed &+ UInt64(number))
        return random.next()
    }
}
