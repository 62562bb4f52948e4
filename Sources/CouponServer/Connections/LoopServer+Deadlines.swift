/// Deadlines: of requests, every few milliseconds while there are any; of connections, each second.
internal import CouponCore
internal import CouponWire
internal import NIOCore

extension LoopServer {
    /// Looks at the deadlines of requests soon, if there are requests.
    func scheduleExpiry() {
        guard !timers.isExpiryScheduled, worker != nil, requestsInFlight > 0 else { return }
        timers.expire(
            by: loop.assumeIsolated().scheduleTask(
                in: .milliseconds(DeadlineWheel.bucketMilliseconds)
            ) {
                self.timers.beginExpiry()
                self.worker?.expire()
                self.expirePendingCalls()
                self.endTurn()
            })
    }

    private func expirePendingCalls() {
        for caller in pendingCalls.expire(now: clocks.now()) {
            reply(
                caller,
                .failure(
                    Failure(
                        .deadlineExceeded,
                        "the deadline passed before the answer was known; it may still complete",
                        acceptance: .unknown)))
        }
    }

    /// Each second: closes connections that do for too long what they may do only for a while, and those of
    /// principals that have expired.
    func scheduleFrameWatch() {
        timers.watchFrames(
            by: loop.assumeIsolated().scheduleTask(in: .seconds(1)) {
                let times = ConnectionWatch.Times(
                    isCrowded: self.connections.isCrowded,
                    idle: self.configuration.limits.idleSeconds)
                let now = self.clocks.wallNow()
                for connection in self.connections.all {
                    connection.checkDeadlines(times)
                    connection.endIfExpired(now: now)
                }
                self.logLimits()
                self.scheduleFrameWatch()
            })
    }
}
