/// `make bench-cluster`: what a cluster costs, and how fast it fails over, as ratios.
internal import ArgumentParser
internal import CouponCore
internal import TestWorld

struct FiguresCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "figures", abstract: "Compares a cluster of three masters with one Redis.")

    @Flag(help: "Shorter. Judges nothing.") var small = false
    @Option(help: "How often each figure is measured; the median counts.") var repeats = 3

    func run() async throws {
        var figures: [String: [Double]] = [:]
        for number in 1...(small ? 1 : max(1, repeats)) {
            say("repeat \(number): processor time, work on other nodes, failover")
            for (key, value) in try await measure() { figures[key, default: []].append(value) }
        }
        var isGood = true
        var rows = [["figure", "median", "goal", "", "all"]]
        for goal in Self.goals {
            let values = (figures[goal.key] ?? []).sorted()
            let median = values.isEmpty ? nil : values[values.count / 2]
            let verdict = goal.verdict(of: median, isSmall: small)
            if verdict == .missed { isGood = false }
            rows.append([
                goal.key, median.map { formatted($0) } ?? "-", goal.text, verdict.rawValue,
                values.map { formatted($0) }.joined(separator: " "),
            ])
        }
        for line in AlignedTable.lines(rows) { say(line) }
        if !isGood { throw ExitCode.failure }
    }

    private static let goals: [Goal] = [
        .time("processor_time_three_vs_one", .atMost(1.15), ""),
        .time("processor_us_a_request_on_one", .recorded, "µs"),
        .time("calls_with_work_elsewhere", .atMost(1.05), ""),
        .time("commits_with_work_elsewhere", .atMost(1.05), ""),
        .time("log_bytes_with_work_elsewhere", .atMost(1.05), ""),
        .time("failover_vs_plain_client", .atMost(1.3), ""),
        .time("failover_of_plain_client_ms", .recorded, "ms"),
    ]

    private func measure() async throws -> [String: Double] {
        let (requests, seconds) = small ? (3_000, 2) : (20_000, 8)
        let one = try await FiguresScene.single()
        let cost = try await one.processorMicroseconds(requests: requests, seconds: seconds)
        let three = try await FiguresScene.cluster()
        var figures = [
            "processor_us_a_request_on_one": cost,
            "processor_time_three_vs_one": try await three.processorMicroseconds(
                requests: requests, seconds: seconds) / cost,
        ]
        let alone = try await three.work(ofFirst: requests / 10, others: 0, seconds: seconds)
        let beside = try await three.work(
            ofFirst: requests / 10, others: requests / 2, seconds: seconds)
        figures["calls_with_work_elsewhere"] = beside.calls / alone.calls
        figures["commits_with_work_elsewhere"] = beside.commits / alone.commits
        figures["log_bytes_with_work_elsewhere"] = beside.logBytes / alone.logBytes
        let (plain, last) = try await three.failOver()
        figures["failover_of_plain_client_ms"] = plain
        figures["failover_vs_plain_client"] = last / plain
        return figures
    }
}
