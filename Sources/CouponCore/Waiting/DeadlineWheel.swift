/// Deadlines of many tickets, in buckets of 8 ms: adding one costs an append, and most have been answered
/// when their bucket comes round. A heap would order what nobody asks for.
///
/// It must not stand still while there are tickets, nor when one is added after a pause: what it has not
/// yet turned past is taken for the future.
public struct DeadlineWheel {
    private static let bucketMilliseconds: Int64 = 8
    private let origin: MonotonicTime
    private var buckets: [[UInt64]]
    private var next: Int64 = 0

    /// - Parameters:
    ///   - longestMilliseconds: the farthest deadline; later ones come at this one.
    ///   - now: the present.
    public init(longestMilliseconds: Int64, now: MonotonicTime) {
        origin = now
        buckets = Array(
            repeating: [], count: Int(longestMilliseconds / Self.bucketMilliseconds) + 2)
    }

    /// Adds a ticket.
    public mutating func add(_ ticket: UInt64, deadline: MonotonicTime) {
        let bucket = deadline.milliseconds(since: origin) / Self.bucketMilliseconds + 1
        let nearest = max(bucket, next)
        let farthest = next + Int64(buckets.count) - 1
        buckets[Int(min(nearest, farthest) % Int64(buckets.count))].append(ticket)
    }

    /// Calls `body` with each ticket whose deadline has passed, answered or not.
    public mutating func expire(now: MonotonicTime, _ body: (UInt64) -> Void) {
        let current = now.milliseconds(since: origin) / Self.bucketMilliseconds
        // After a long pause every bucket is due, each once.
        next = max(next, current - Int64(buckets.count) + 1)
        while next <= current {
            let index = Int(next % Int64(buckets.count))
            next += 1
            guard !buckets[index].isEmpty else { continue }
            let due = buckets[index]
            buckets[index].removeAll(keepingCapacity: true)
            due.forEach(body)
        }
    }
}
