/// How long requests take, and where: what the worker measures.

/// When a request came, left for the gate, and was accepted. What has not happened is at the clock's origin.
struct TicketTimes {
    var received = MonotonicTime(nanoseconds: 0)
    var sent = MonotonicTime(nanoseconds: 0)
    /// Only known if slow requests are reported.
    var judged = MonotonicTime(nanoseconds: 0)
}

/// What a worker has measured of issue requests that did not bounce.
package struct WorkerTimes: Sendable {
    /// From a request to its answer or its error.
    package var requests = DurationHistogram()
    /// From a request to the gate call that it travels in.
    package var frontDoor = DurationHistogram()
    /// From a gate call to its answer, for each of its requests.
    package var gate = DurationHistogram()

    package init() {}
}

/// A request that took longer than an operator wants.
public struct SlowRequest: Sendable {
    /// A part of the way, and how long it took.
    public typealias Stage = (name: String, nanoseconds: Int64)

    /// The method.
    public let method: String
    /// Nil if the method is about none, or about many.
    public let coupon: CouponID?
    /// How it ended.
    public let end: String
    /// In all.
    public let nanoseconds: Int64
    /// In order.
    public let stages: [Stage]

    /// A slow request.
    public init(
        method: String, coupon: CouponID?, end: String, nanoseconds: Int64, stages: [Stage]
    ) {
        self.method = method
        self.coupon = coupon
        self.end = end
        self.nanoseconds = nanoseconds
        self.stages = stages
    }
}

extension Worker {
    /// Counts a request that has ended, and reports it if it was slow.
    /// - Parameters:
    ///   - end: the outcome or the error.
    ///   - issuedAt: when its issue was committed; nil if it was not issued, or not waited for.
    func measure(_ ticket: Ticket, _ end: @autoclosure () -> String, issuedAt: Timestamp? = nil) {
        let now = options.clocks.now()
        let duration = now.nanoseconds - ticket.times.received.nanoseconds
        times.requests.record(nanoseconds: duration)
        guard let limit = options.slowRequestMilliseconds, duration >= limit * 1_000_000 else {
            return
        }
        host.report(
            SlowRequest(
                method: "issue", coupon: ticket.coupon, end: end(), nanoseconds: duration,
                stages: stages(of: ticket.times, issuedAt, now)))
    }

    private func stages(
        of times: TicketTimes, _ issuedAt: Timestamp?, _ now: MonotonicTime
    ) -> [SlowRequest.Stage] {
        guard times.sent.nanoseconds > 0 else {
            return [("front door", now.nanoseconds - times.received.nanoseconds)]
        }
        var stages: [SlowRequest.Stage] = [
            ("front door", times.sent.nanoseconds - times.received.nanoseconds)
        ]
        guard times.judged >= times.sent else {
            return stages + [("gate", now.nanoseconds - times.sent.nanoseconds)]
        }
        stages.append(("gate", times.judged.nanoseconds - times.sent.nanoseconds))
        let rest = now.nanoseconds - times.judged.nanoseconds
        guard let issuedAt else { return stages + [("queue", rest)] }
        let sinceCommit =
            (options.clocks.wallNow().microseconds - issuedAt.microseconds) * 1_000
        let settle = min(max(0, sinceCommit), rest)
        return stages + [("queue and commit", rest - settle), ("settle", settle)]
    }
}

extension Outcome {
    /// When the issue was committed, if the caller waited for that.
    var issuedAt: Timestamp? {
        if case .issued(_, let at) = self { at } else { nil }
    }
}
