/// Deadlines of many tickets, in buckets of 8 ms: adding one costs an append, and most have been answered
/// when their bucket comes round. A heap would keep an order that is not needed.
///
/// The wheel is short: a ticket with a later deadline comes round more than once. So an answered ticket is
/// forgotten soon, even if its deadline is late.
public struct DeadlineWheel {
    /// How late a deadline may come round.
    public static let bucketMilliseconds: Int64 = 8
    private let origin: MonotonicTime
    private var buckets: [[UInt64]]
    /// The first bucket that has not come round. After a pause its time is already over.
    private var next: Int64 = 0

    /// - Parameters:
    ///   - spanMilliseconds: tickets come round after this time at the latest.
    ///   - now: the present.
    public init(spanMilliseconds: Int64, now: MonotonicTime) {
        origin = now
        buckets = Array(repeating: [], count: Int(spanMilliseconds / Self.bucketMilliseconds) + 2)
    }

    /// How many tickets are remembered, answered or not.
    public var count: Int { buckets.reduce(0) { $0 + $1.count } }

    /// Adds a ticket.
    public mutating func add(_ ticket: UInt64, deadline: MonotonicTime) {
        let bucket = deadline.milliseconds(since: origin) / Self.bucketMilliseconds + 1
        let nearest = max(bucket, next)
        let farthest = next + Int64(buckets.count) - 1
        buckets[Int(min(nearest, farthest) % Int64(buckets.count))].append(ticket)
    }

    /// Removes and returns the tickets that have come round: answered, due, or to be added again.
    public mutating func advance(now: MonotonicTime) -> [UInt64] {
        let current = now.milliseconds(since: origin) / Self.bucketMilliseconds
        guard next <= current else { return [] }
        // After a long silence each bucket still comes round once, not once for each turn missed.
        next = max(next, current + 1 - Int64(buckets.count))
        var round: [UInt64] = []
        while next <= current {
            let index = Int(next % Int64(buckets.count))
            round += buckets[index]
            buckets[index].removeAll(keepingCapacity: true)
            next += 1
        }
        return round
    }
}
