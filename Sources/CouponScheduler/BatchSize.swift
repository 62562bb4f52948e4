/// How many requests a partition's next transaction takes: fewer if larger ones took too long, and more
/// again if they did not.
internal import CouponCore

struct BatchSize: Sendable {
    /// How long a size that took too long is not tried again, in milliseconds: another try costs as much
    /// as the first.
    private static let memoryMilliseconds: Int64 = 60_000

    /// Smaller transactions cost more than they save the other partitions.
    private static let fewest = 256

    private let most: Int
    /// Requests, at most.
    private(set) var requests: Int
    /// How many times longer than usual a statement may take.
    private var allowance = 1
    private var ceiling: (requests: Int, until: MonotonicTime)?

    init(most: Int) {
        self.most = most
        requests = most
    }

    /// How long each statement of the next transaction may take, in milliseconds.
    var statementMilliseconds: Int {
        min(allowance * Limits.issuingMilliseconds, Limits.longestIssuingMilliseconds)
    }

    /// PostgreSQL ended a transaction of this many requests because it took too long.
    mutating func tooMany(_ count: Int, now: MonotonicTime) {
        requests = max(1, min(requests, count) / 2)
        ceiling = (requests, now.advanced(byMilliseconds: Self.memoryMilliseconds))
    }

    /// PostgreSQL ended a transaction of one queue entry because it took too long. An entry is never split,
    /// so it gets more time.
    mutating func tooSlowAlone(now: MonotonicTime) {
        allowance = min(2 * allowance, Limits.longestIssuingMilliseconds)
        ceiling = (requests, now.advanced(byMilliseconds: Self.memoryMilliseconds))
    }

    /// A transaction was committed in this many milliseconds.
    /// - Parameter othersKeepUp: whether another partition is busy without a backlog. Its requests wait for
    ///   each transaction of this partition, so these stay short.
    mutating func committed(inMilliseconds took: Int64, othersKeepUp: Bool, now: MonotonicTime) {
        if let ceiling, now >= ceiling.until {
            self.ceiling = nil
            allowance = 1
        }
        let long: Int64 = othersKeepUp ? 5 : 500
        let short: Int64 = othersKeepUp ? 2 : 100
        if took > long {
            requests = max(min(requests, othersKeepUp ? Self.fewest : 1), requests / 2)
        } else if took < short {
            requests = min(most, 2 * requests, ceiling?.requests ?? most)
        }
    }
}
