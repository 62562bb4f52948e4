/// The requests that took longer than `slow-request`, and how many of them were logged in this second: when
/// everything is slow, the log must not make it slower.
internal import CouponCore
internal import CouponWire
internal import Logging

struct SlowRequestLog {
    /// All of them.
    private(set) var count = 0
    private var loggedInSecond = 0

    /// Counts one; true if it is to be logged.
    mutating func add() -> Bool {
        count += 1
        guard loggedInSecond < Limits.slowRequestsLogged else { return false }
        loggedInSecond += 1
        return true
    }

    mutating func nextSecond() { loggedInSecond = 0 }
}

extension LoopServer {
    func report(_ slow: SlowRequest) {
        guard slowRequests.add() else { return }
        var metadata: Logger.Metadata = [
            LogKey.method: "\(slow.method)", LogKey.outcome: "\(slow.end)",
            LogKey.milliseconds: "\(Self.milliseconds(slow.nanoseconds))",
            LogKey.stages: "\(Self.text(slow.stages))",
        ]
        if let coupon = slow.coupon { metadata[LogKey.coupon] = "\(coupon.rawValue)" }
        logger.notice("a request was slow", metadata: metadata)
    }

    /// A method that waits in a lane has ended.
    func measure(_ call: PendingCalls.PendingCall, _ end: @autoclosure () -> String) {
        let duration = clocks.now().nanoseconds - call.began.nanoseconds
        times.count(call.method, nanoseconds: duration)
        guard let limit = configuration.worker.slowRequestMilliseconds,
            duration >= limit * 1_000_000
        else { return }
        report(
            SlowRequest(
                method: call.method, coupon: nil, end: end(), nanoseconds: duration,
                stages: [("lane", duration)]))
    }

    private static func text(_ stages: [SlowRequest.Stage]) -> String {
        stages.map { "\($0.name) \(milliseconds($0.nanoseconds)) ms" }.joined(separator: ", ")
    }

    /// With three decimals.
    private static func milliseconds(_ nanoseconds: Int64) -> Double {
        (Double(nanoseconds) / 1_000).rounded() / 1_000
    }
}

extension Response.Result {
    /// How a call has ended, in one word.
    var endName: String {
        if case .failure(let failure) = self { failure.code.name } else { AdminAction.done }
    }
}
