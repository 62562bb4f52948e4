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
                self.turn.addStatus()
                self.endTurn()
            })
    }

    private func expirePendingCalls() {
        let now = clocks.now()
        for call in pendingCalls.expire(now: now) {
            measure(call, StatusCode.deadlineExceeded.name)
            reply(call.caller, .failure(Self.deadlinePassed))
        }
        expireBatches(now: now)
    }

    static var deadlinePassed: Failure {
        Failure(
            .deadlineExceeded,
            "the deadline passed before the answer was known; it may still complete",
            acceptance: .unknown)
    }

    /// Each second: closes connections that do for too long what they may do only for a while, and those of
    /// principals that have expired.
    func scheduleFrameWatch() {
        timers.watchFrames(
            by: loop.assumeIsolated().scheduleTask(in: .seconds(1)) {
                let (callers, admins) = (self.times(isAdmin: false), self.times(isAdmin: true))
                let now = self.clocks.wallNow()
                for connection in self.connections.all {
                    connection.checkDeadlines(connection.isAdmin ? admins : callers)
                    connection.endIfExpired(now: now)
                }
                self.logLimits()
                self.requestLog.nextSecond()
                self.scheduleFrameWatch()
            })
    }

    /// How long connections may do nothing.
    private func times(isAdmin: Bool) -> ConnectionWatch.Times {
        ConnectionWatch.Times(
            isCrowded: connections.isCrowded(isAdmin: isAdmin), idle: callerLimits.idleSeconds)
    }

    /// Measures, a few times a second, how late a timer is: everything else on this loop is as late.
    func scheduleLagProbe() {
        let due = clocks.now().advanced(byMilliseconds: Limits.lagProbeMilliseconds)
        timers.probeLag(
            by: loop.assumeIsolated().scheduleTask(
                in: .milliseconds(Limits.lagProbeMilliseconds)
            ) {
                self.times.count(lag: self.clocks.now().nanoseconds - due.nanoseconds)
                self.scheduleLagProbe()
            })
    }
}
