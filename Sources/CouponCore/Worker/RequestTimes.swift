/// How long requests take, and where: what the worker measures.

/// When a request came, left for the gate, and was accepted. What has not happened is at the clock's origin.
struct TicketTimes {
    var received = MonotonicTime(nanoseconds: 0)
    var sent = MonotonicTime(nanoseconds: 0)
    /// Only known if requests are reported.
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
    /// Of the sample: how many requests have been accepted or issued.
    private var successes = 0

    package init() {}

    /// Counts a success; true for one in so many.
    fileprivate mutating func isNextOfSample(oneIn number: Int) -> Bool {
        successes &+= 1
        return successes % number == 0
    }
}

/// Which requests are reported.
public struct RequestReporting: Equatable, Sendable {
    /// Those that take so long or longer; nil: none.
    public var slowMilliseconds: Int64?
    /// One in so many of those that are accepted or issued; nil: none.
    public var sampleEvery: Int?

    /// Which requests are reported; by default none.
    public init(slowMilliseconds: Int64? = nil, sampleEvery: Int? = nil) {
        self.slowMilliseconds = slowMilliseconds
        self.sampleEvery = sampleEvery
    }

    /// Whether some are.
    public var isOn: Bool { slowMilliseconds != nil || sampleEvery != nil }

    /// Whether a request is slow.
    public func isSlow(nanoseconds: Int64) -> Bool {
        slowMilliseconds.map { nanoseconds >= $0 * 1_000_000 } ?? false
    }
}

/// A request that took longer than an operator wants, or one of a sample.
public struct RequestReport: Sendable {
    /// A part of the way, and how long it took.
    public typealias Stage = (name: String, nanoseconds: Int64)

    /// Whether it was slow; if not, it belongs to the sample.
    public let isSlow: Bool
    /// Who asked.
    public let caller: Caller
    /// The method.
    public let method: String
    /// Nil if the method is about no coupon, or about many.
    public let coupon: CouponID?
    /// How it ended.
    public let end: String
    /// How long it took in all.
    public let nanoseconds: Int64
    /// The parts of the way, in order.
    public let stages: [Stage]

    /// A report.
    public init(
        isSlow: Bool, caller: Caller, method: String, coupon: CouponID?, end: String,
        nanoseconds: Int64, stages: [Stage]
    ) {
        self.isSlow = isSlow
        self.caller = caller
        self.method = method
        self.coupon = coupon
        self.end = end
        self.nanoseconds = nanoseconds
        self.stages = stages
    }
}

/// Measures the requests of a worker, and chooses those that are reported.
final class RequestMeter {
    private(set) var times = WorkerTimes()
    private(set) var reporting: RequestReporting

    init(_ reporting: RequestReporting) { self.reporting = reporting }

    /// A reload has changed which requests are reported.
    func use(_ reporting: RequestReporting) { self.reporting = reporting }

    /// A request leaves for the gate.
    func recordSent(_ ticket: Ticket, at now: MonotonicTime) {
        times.frontDoor.record(
            nanoseconds: now.nanoseconds - ticket.times.received.nanoseconds)
    }

    /// A gate call was answered.
    func recordReply(to asked: AskedCalls.Asked, at now: MonotonicTime) {
        times.gate.record(
            nanoseconds: now.nanoseconds - asked.at.nanoseconds,
            times: asked.questions.reduce(0) { $0 + $1.tickets.count })
    }

    /// A request has ended.
    /// - Returns: whether it is reported, and whether it was slow.
    func recordEnd(nanoseconds: Int64, isSuccess: Bool) -> (isReported: Bool, isSlow: Bool) {
        times.requests.record(nanoseconds: nanoseconds)
        guard reporting.isOn else { return (false, false) }
        let isSlow = reporting.isSlow(nanoseconds: nanoseconds)
        return (isSuccess && isNextOfSample() || isSlow, isSlow)
    }

    private func isNextOfSample() -> Bool {
        guard let number = reporting.sampleEvery else { return false }
        return times.isNextOfSample(oneIn: number)
    }
}

extension Worker {
    /// Counts a request that has ended, and reports it if it was slow, or is the next one of the sample.
    /// - Parameters:
    ///   - end: the outcome or the error.
    ///   - isSuccess: whether the user has the coupon, or will have it.
    ///   - issuedAt: when its issue was committed; nil if it was not issued, or not waited for.
    func measure(
        _ ticket: Ticket, _ end: @autoclosure () -> String, isSuccess: Bool = false,
        issuedAt: Timestamp? = nil
    ) {
        let now = options.clocks.now()
        let duration = now.nanoseconds - ticket.times.received.nanoseconds
        let (isReported, isSlow) = meter.recordEnd(nanoseconds: duration, isSuccess: isSuccess)
        guard isReported else { return }
        host.report(
            RequestReport(
                isSlow: isSlow, caller: ticket.caller, method: "issue", coupon: ticket.coupon,
                end: end(), nanoseconds: duration,
                stages: stages(of: ticket.times, issuedAt, now)))
    }

    private func stages(
        of times: TicketTimes, _ issuedAt: Timestamp?, _ now: MonotonicTime
    ) -> [RequestReport.Stage] {
        guard times.sent.nanoseconds > 0 else {
            return [("front door", now.nanoseconds - times.received.nanoseconds)]
        }
        var stages: [RequestReport.Stage] = [
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
    /// Whether the user has the coupon by this request, or will have it.
    var isSuccess: Bool {
        switch self {
        case .accepted, .issued: true
        default: false
        }
    }

    /// When the issue was committed, if the caller waited for that.
    var issuedAt: Timestamp? {
        if case .issued(_, let at) = self { at } else { nil }
    }
}
