/// What one loop server has counted: plain numbers on its own event loop, read when somebody looks.
internal import CouponCore

struct RequestCounts: Sendable {
    /// By `Outcome.Kind`.
    private(set) var outcomes = [Int](repeating: 0, count: Outcome.Kind.allCases.count)
    private(set) var failures: [StatusCode: Int] = [:]
    var bounced = 0
    var marksMissed = 0
    var requestsInFlight = 0

    mutating func count(_ outcome: Outcome) { outcomes[outcome.kind.rawValue] += 1 }

    mutating func count(_ failure: Failure) { failures[failure.code, default: 0] += 1 }

    /// The sum of two loop servers' tallies.
    static func + (left: RequestCounts, right: RequestCounts) -> RequestCounts {
        var sum = left
        sum.outcomes = zip(left.outcomes, right.outcomes).map(+)
        sum.failures.merge(right.failures, uniquingKeysWith: +)
        sum.bounced += right.bounced
        sum.marksMissed += right.marksMissed
        sum.requestsInFlight += right.requestsInFlight
        return sum
    }

    /// Prometheus' text format, version 0.0.4.
    func text() -> String {
        var lines = ["# TYPE coupond_requests_total counter"]
        for kind in Outcome.Kind.allCases {
            lines.append(
                "coupond_requests_total{outcome=\"\(kind.name)\"} \(outcomes[kind.rawValue])")
        }
        lines.append("# TYPE coupond_errors_total counter")
        for code in StatusCode.allCases {
            lines.append("coupond_errors_total{code=\"\(code.name)\"} \(failures[code] ?? 0)")
        }
        lines += [
            "# TYPE coupond_bounced_total counter", "coupond_bounced_total \(bounced)",
            "# TYPE coupond_drift_marks_total counter", "coupond_drift_marks_total \(marksMissed)",
            "# TYPE coupond_requests_in_flight gauge",
            "coupond_requests_in_flight \(requestsInFlight)",
        ]
        return lines.joined(separator: "\n") + "\n"
    }
}

extension Outcome {
    /// The outcomes by their names in docs/PROTOCOL.md.
    enum Kind: Int, CaseIterable {
        case accepted, issued, duplicate, ended, paused, closed, rejected, soldOut, notOpen
        case notFound

        var name: String {
            switch self {
            case .soldOut: "sold_out"
            case .notOpen: "not_open"
            case .notFound: "not_found"
            default: "\(self)"
            }
        }
    }

    var kind: Kind {
        switch self {
        case .accepted: .accepted
        case .issued: .issued
        case .duplicate: .duplicate
        case .soldOut: .soldOut
        case .notOpen: .notOpen
        case .ended: .ended
        case .paused: .paused
        case .closed: .closed
        case .notFound: .notFound
        case .rejected: .rejected
        }
    }
}
