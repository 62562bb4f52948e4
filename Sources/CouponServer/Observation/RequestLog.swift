/// The requests that are logged: those that took longer than `slow-request`, and the sample of `log-sample`.
/// Each event loop logs only so many in a second: when everything is slow, the log must not make it slower.
internal import CouponCore
internal import CouponWire
internal import Logging

struct RequestLog {
    /// All slow requests.
    private(set) var slow = 0
    private var slowInSecond = 0
    private var sampledInSecond = 0

    /// Counts one; true if it is to be logged.
    mutating func add(isSlow: Bool) -> Bool {
        if isSlow {
            slow += 1
            slowInSecond += 1
            return slowInSecond <= Limits.requestsLogged
        }
        sampledInSecond += 1
        return sampledInSecond <= Limits.requestsLogged
    }

    mutating func nextSecond() { (slowInSecond, sampledInSecond) = (0, 0) }
}

extension LoopServer {
    func report(_ report: RequestReport) {
        guard requestLog.add(isSlow: report.isSlow) else { return }
        var metadata: Logger.Metadata = [
            LogKey.method: "\(report.method)", LogKey.outcome: "\(report.end)",
            LogKey.milliseconds: "\(Self.milliseconds(report.nanoseconds))",
            LogKey.stages: "\(Self.text(report.stages))",
        ]
        if let coupon = report.coupon { metadata[LogKey.coupon] = "\(coupon.rawValue)" }
        if let trace = trace(of: report.caller) {
            metadata[LogKey.traceID] = "\(trace.traceID)"
            metadata[LogKey.parentID] = "\(trace.parentID)"
        }
        if report.isSlow {
            logger.notice("a request was slow", metadata: metadata)
        } else {
            logger.info("a request of the sample succeeded", metadata: metadata)
        }
    }

    /// A method that waits in a lane has ended.
    func measure(_ call: PendingCalls.PendingCall, _ end: @autoclosure () -> String) {
        let duration = clocks.now().nanoseconds - call.began.nanoseconds
        times.count(call.method, nanoseconds: duration)
        guard reporting.isSlow(nanoseconds: duration) else { return }
        report(
            RequestReport(
                isSlow: true, caller: call.caller, method: call.method, coupon: nil, end: end(),
                nanoseconds: duration, stages: [("lane", duration)]))
    }

    private static func text(_ stages: [RequestReport.Stage]) -> String {
        stages.map { "\($0.name) \(milliseconds($0.nanoseconds)) ms" }.joined(separator: ", ")
    }

    /// With three decimals.
    private static func milliseconds(_ nanoseconds: Int64) -> Double {
        (Double(nanoseconds) / 1_000).rounded() / 1_000
    }
}
