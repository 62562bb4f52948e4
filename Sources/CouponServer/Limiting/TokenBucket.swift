/// Token buckets: so many requests at once, and so many each second after that.
internal import CouponCore

/// How fast a bucket fills, and how much it holds.
struct Rate: Equatable, Sendable {
    /// The time in which one token is added, in nanoseconds.
    let interval: Int64
    /// Tokens in a full bucket.
    let burst: Int64

    /// - Parameters:
    ///   - perSecond: at least 1.
    ///   - burst: at least 1.
    init(perSecond: Int, burst: Int) {
        interval = 1_000_000_000 / Int64(perSecond)
        self.burst = Int64(burst)
    }

    /// One second's tokens may be spent at once.
    init(perSecond: Int) { self.init(perSecond: perSecond, burst: perSecond) }
}

/// A bucket, kept as the moment from which on it is full. It begins full.
struct TokenBucket: Sendable {
    private var fullAt: Int64 = .min

    /// Whether a token was ever spent.
    var isUsed: Bool { fullAt != .min }

    /// Whether nothing is missing.
    func isFull(now: MonotonicTime) -> Bool { fullAt <= now.nanoseconds }

    /// Whether it will be full earlier than another one with the same rate.
    func isFuller(than other: TokenBucket) -> Bool { fullAt < other.fullAt }

    /// Spends a token.
    /// - Returns: nil if there was one, else after how many milliseconds there is one.
    mutating func spend(_ rate: Rate, now: MonotonicTime) -> UInt32? {
        spend(1, rate, now: now)
    }

    /// Spends several tokens. A bucket that can hold fewer must be full, and owes the rest: so a request that
    /// costs more than a full bucket is possible, and the rate holds.
    /// - Returns: nil if there were enough, else after how many milliseconds there are.
    mutating func spend(_ tokens: Int, _ rate: Rate, now: MonotonicTime) -> UInt32? {
        let from = max(fullAt, now.nanoseconds)
        let needed = min(Int64(tokens), rate.burst)
        let missing = from - now.nanoseconds + rate.interval * (needed - rate.burst)
        guard missing <= 0 else { return UInt32(clamping: (missing + 999_999) / 1_000_000) }
        fullAt = from + rate.interval * Int64(tokens)
        return nil
    }

    /// Takes a token even if there is none: the bucket then owes it. It never owes more than it holds.
    mutating func charge(_ rate: Rate, now: MonotonicTime) {
        fullAt = min(next(rate, now), now.nanoseconds + 2 * rate.burst * rate.interval)
    }

    /// Nil if there is a token, else after how many milliseconds there is one.
    func wait(_ rate: Rate, now: MonotonicTime) -> UInt32? {
        let missing = next(rate, now) - now.nanoseconds - rate.interval * rate.burst
        return missing > 0 ? UInt32(clamping: (missing + 999_999) / 1_000_000) : nil
    }

    private func next(_ rate: Rate, _ now: MonotonicTime) -> Int64 {
        max(fullAt, now.nanoseconds) + rate.interval
    }
}
