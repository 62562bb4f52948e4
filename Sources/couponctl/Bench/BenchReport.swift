internal import CouponCore
internal import Glibc
internal import Histogram

/// The figures of a sale, for people and for programs.
struct BenchReport {
    let coupon: CouponID
    let options: BenchOptions
    /// From the first request to the last answer.
    let seconds: Double
    let sale: Sale
    /// From the last acceptance to the last commit; nil if no user was accepted, or the queue did
    /// not run dry.
    let drainSeconds: Double?
    /// What must hold; empty if the coupon was not the sale's own.
    var checks: [Check] = []

    /// Whether something does not add up.
    var isBreach: Bool { checks.contains { !$0.holds } }

    private var tally: AnswerCounts { sale.tally }
    private var rate: Double { Double(tally.count) / max(seconds, 1e-9) }

    private var answers: [(String, Int)] {
        let kinds: [(Outcome.Kind, Int)] = [
            (options.waitIssued ? .issued : .accepted, tally.accepted.count),
            (.duplicate, tally.duplicates.count), (.soldOut, tally.soldOut),
        ]
        return kinds.map { ($0.name, $1) }
            + tally.others.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private var errors: [(String, Int)] {
        tally.errors.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// For people.
    var lines: [String] {
        let drain = drainSeconds.map { "\(($0 * 1000).rounded(digits: 1)) ms" } ?? "-"
        var fields = [
            ("coupon", "\(coupon.rawValue)"),
            ("requests", "\(tally.count) of \(options.users) users × \(options.asks)"),
        ]
        fields += options.setup
        fields += [
            ("time", "\(seconds.rounded(digits: 3)) s"), ("rate", "\(Int64(rate)) answers/s"),
            ("latency", sale.latencies.percentileText), ("last accept to last commit", drain),
        ]
        let answerTable = Table(
            header: ["ANSWER", "COUNT"], rows: (answers + errors).map { [$0.0, "\($0.1)"] })
        let chart = LatencyChart(latencies: sale.latencies).lines
        let drawn = isatty(STDOUT_FILENO) == 1 && !chart.isEmpty ? [""] + chart : []
        return Table.fields(fields) + drawn + [""] + answerTable.lines
            + (checks.isEmpty ? [] : [""] + checkLines)
    }

    private var checkLines: [String] {
        checks.map {
            "\($0.holds ? "ok    " : "BREACH")  \($0.rule): \($0.figures)".safeForTerminal
        }
    }

    /// One document with all figures.
    var json: JSONValue {
        .object([
            ("coupon_id", .integer(coupon.rawValue)),
            ("coupon_total", options.coupon == nil ? .integer(options.couponTotal) : .null),
            ("users", .integer(Int64(options.users))), ("asks", .integer(Int64(options.asks))),
            ("connections", .integer(Int64(options.connections))),
            ("pipeline", .integer(Int64(options.pipeline))),
            ("offered_rate", options.rate.map { .number($0) } ?? .null),
            ("wait_issued", .bool(options.waitIssued)),
            ("seed", .string("\(options.seed)")), ("requests", .integer(Int64(tally.count))),
            ("seconds", .number(seconds)), ("rate", .number(rate)),
            ("latency_us", .object(sale.latencies.percentiles.map { ($0.0, .integer($0.1)) })),
            (
                "last_accept_to_last_commit_ms",
                drainSeconds.map { .number($0 * 1000) } ?? .null
            ),
            ("answers", .object(answers.map { ($0.0, .integer(Int64($0.1))) })),
            ("errors", .object(errors.map { ($0.0, .integer(Int64($0.1))) })),
            ("checks", .array(checks.map(\.json))), ("breach", .bool(isBreach)),
        ])
    }
}

extension BenchOptions {
    /// How the load is made, for people.
    var setup: [(String, String)] {
        [
            (
                "load",
                "\(connections) connections, \(pipeline) in flight on each, seed \(seed)"
            ),
            (
                "loop",
                rate.map { "open, \($0.rounded(digits: 1)) requests/s on a schedule" } ?? "closed"
            ),
        ]
    }
}

extension Histogram<UInt64> {
    /// Some percentiles by name.
    var percentiles: [(String, Int64)] {
        let named = [
            ("p50", 50.0), ("p90", 90), ("p99", 99), ("p99.9", 99.9), ("p99.99", 99.99),
            ("max", 100),
        ]
        return named.map { ($0.0, Int64(valueAtPercentile($0.1))) }
    }

    /// The same for people.
    var percentileText: String {
        percentiles.map { "\($0.0) \($0.1) µs" }.joined(separator: ", ")
    }
}

extension Double {
    /// With so many digits after the point.
    func rounded(digits: Int) -> Double {
        var factor = 1.0
        for _ in 0..<digits { factor *= 10 }
        return (self * factor).rounded() / factor
    }
}
