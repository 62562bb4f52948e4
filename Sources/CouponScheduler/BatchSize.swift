/// How many requests a partition's next transaction takes: fewer where larger ones took too long, and
/// more again where they did not.
internal import CouponCore

struct BatchSize {
    /// A size that was too much is not tried again for so long, in milliseconds: trying costs what it
    /// cost before.
    private static let memoryMilliseconds: Int64 = 60_000

    private let most: Int
    /// Requests, at most.
    private(set) var requests: Int
    private var ceiling: (requests: Int, until: MonotonicTime)?

    init(most: Int) {
        self.most = most
        requests = most
    }

    /// A transaction of so many requests was ended for taking too long.
    mutating func tooMany(_ count: Int, now: MonotonicTime) {
        requests = max(1, min(requests, count) / 2)
        ceiling = (requests, now.advanced(byMilliseconds: Self.memoryMilliseconds))
    }

    /// A transaction was committed, in so many milliseconds.
    mutating func committed(inMilliseconds took: Int64, now: MonotonicTime) {
        if let ceiling, now >= ceiling.until { self.ceiling = nil }
        if took > 500 {
            requests = max(1, requests / 2)
        } else if took < 100 {
            requests = min(most, 2 * requests, ceiling?.requests ?? most)
        }
    }
}
