internal import CouponCore

/// The figures of `bench --status`, for people and for programs.
struct StatusReport {
    let coupon: CouponID
    let options: BenchOptions
    /// From the first question to the last answer.
    let seconds: Double
    let questions: StatusQuestions

    /// Whether some status could not be read.
    var hasErrors: Bool { !questions.errors.isEmpty }

    private var rate: Double { Double(questions.count) / max(seconds, 1e-9) }

    private var counts: [(String, Int)] {
        let names = [HolderState.issued, .queued, .rejected].map(\.name) + [UserStatus.none.name]
        return names.map { ($0, questions.statuses[$0] ?? 0) }
    }

    private var errors: [(String, Int)] {
        questions.errors.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// For people.
    var lines: [String] {
        let table = Table(
            header: ["STATUS", "COUNT"], rows: (counts + errors).map { [$0.0, "\($0.1)"] })
        var fields = [
            ("coupon", "\(coupon.rawValue)"),
            ("statuses", "\(questions.count) of \(options.users) users × \(options.asks)"),
        ]
        fields += options.setup
        fields += [
            ("time", "\(seconds.rounded(digits: 3)) s"), ("rate", "\(Int64(rate)) statuses/s"),
            ("latency", questions.latencies.percentileText),
        ]
        return Table.fields(fields) + [""] + table.lines
    }

    /// One document with all figures.
    var json: JSONValue {
        .object([
            ("coupon_id", .integer(coupon.rawValue)),
            ("users", .integer(Int64(options.users))), ("asks", .integer(Int64(options.asks))),
            ("connections", .integer(Int64(options.connections))),
            ("pipeline", .integer(Int64(options.pipeline))),
            ("offered_rate", options.rate.map { .number($0) } ?? .null),
            ("seed", .string("\(options.seed)")),
            ("statuses", .integer(Int64(questions.count))), ("seconds", .number(seconds)),
            ("rate", .number(rate)),
            ("latency_us", .object(questions.latencies.percentiles.map { ($0.0, .integer($0.1)) })),
            ("answers", .object(counts.map { ($0.0, .integer(Int64($0.1))) })),
            ("errors", .object(errors.map { ($0.0, .integer(Int64($0.1))) })),
        ])
    }
}
