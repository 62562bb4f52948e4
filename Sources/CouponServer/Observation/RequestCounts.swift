/// What one loop server counts: plain numbers on its own event loop.
internal import CouponCore

struct RequestCounts {
    /// By the raw value of `Outcome.Kind`, which begins at 1.
    private var outcomes = [Int](repeating: 0, count: Outcome.Kind.allCases.count + 1)
    private var failures: [StatusCode: Int] = [:]

    mutating func count(_ outcome: Outcome) { outcomes[Int(outcome.kind.rawValue)] += 1 }

    mutating func count(_ failure: Failure) { failures[failure.code, default: 0] += 1 }

    /// All answers to issue requests.
    var total: Int { outcomes.reduce(0, +) + failures.values.reduce(0, +) }

    var metrics: [MetricFamily] {
        [
            MetricFamily(
                MetricName.requests, .counter, by: "outcome",
                Outcome.Kind.allCases.map {
                    ($0.name.lowercased(), outcomes[Int($0.rawValue)])
                }),
            MetricFamily(
                MetricName.errors, .counter, by: "code",
                StatusCode.allCases.map { ($0.name, failures[$0] ?? 0) }),
        ]
    }
}
