/// What one loop server counts: plain numbers on its own event loop.
internal import CouponCore

struct RequestCounts {
    /// By `Outcome.Kind`.
    private var outcomes = [Int](repeating: 0, count: Outcome.Kind.allCases.count)
    private var failures: [StatusCode: Int] = [:]

    mutating func count(_ outcome: Outcome) { outcomes[outcome.kind.rawValue] += 1 }

    mutating func count(_ failure: Failure) { failures[failure.code, default: 0] += 1 }

    var metrics: [MetricFamily] {
        [
            MetricFamily(
                MetricName.requests, .counter, by: "outcome",
                Outcome.Kind.allCases.map { ($0.name, outcomes[$0.rawValue]) }),
            MetricFamily(
                MetricName.errors, .counter, by: "code",
                StatusCode.allCases.map { ($0.name, failures[$0] ?? 0) }),
        ]
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
