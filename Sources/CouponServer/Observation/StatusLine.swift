/// The daemon's line for `systemctl status`.
internal import CouponCore

struct StatusLine {
    private var answers = 0
    private var readAt: MonotonicTime

    init(now: MonotonicTime) { readAt = now }

    /// Such as "serving; 412 connections; 38000 requests/s; 8 of 16 partitions; ready".
    /// - Parameters:
    ///   - answers: to issue requests since the start.
    ///   - trouble: why the daemon cannot accept requests for all coupons; nil if it can.
    mutating func next(
        connections: Int, answers: Int, owned: Int, partitions: Int, trouble: String?,
        now: MonotonicTime
    ) -> String {
        let seconds = Double(now.nanoseconds - readAt.nanoseconds) / 1e9
        let rate = seconds > 0 ? Double(answers - self.answers) / seconds : 0
        self.answers = answers
        readAt = now
        return "serving; \(connections) connections; \(Int(rate.rounded())) requests/s; "
            + "\(owned) of \(partitions) partitions; "
            + (trouble.map { "not ready: \($0)" } ?? "ready")
    }
}
