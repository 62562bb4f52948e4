/// The end of a turn: what happens once for all requests that were read in it.
internal import CouponCore
internal import NIOCore

extension LoopServer {
    func willWrite(_ connection: ServerConnection) {
        turn.add(connection)
        endTurn()
    }

    func schedulePump() {
        turn.schedulePump()
        endTurn()
    }

    /// Ends the turn once all its input is read: one pump of the worker, one flush of each connection.
    func endTurn() {
        guard turn.beginEnd() else { return }
        loop.assumeIsolated().execute {
            if self.turn.end() { self.worker?.pump() }
            if self.turn.dequeueStatuses(), self.work.statuses.wake(now: self.clocks.now()) {
                self.lookAtStatusesAgain()
            }
            for connection in self.turn.dequeueWritten() { self.send(connection) }
            if let sample = self.turn.dequeueSample() { self.countBounces(since: sample) }
            self.enforceBufferBudget()
            self.publishRequestsInFlight()
            self.scheduleExpiry()
            self.continueDeferred()
        }
    }

    /// Sends what the turn has gathered for a connection. One that ends has time.
    private func send(_ connection: ServerConnection) {
        if connection.state.isEnding {
            turn.endings.end(connection)
        } else {
            connection.flush()
        }
    }

    /// A few statuses wait for a lane that is busy, and that may hang.
    private func lookAtStatusesAgain() {
        let pause = TimeAmount.milliseconds(Limits.statusBatchMilliseconds)
        loop.assumeIsolated().scheduleTask(in: pause) {
            if self.work.statuses.lookAgain(now: self.clocks.now()) { self.lookAtStatusesAgain() }
        }
    }

    /// Goes on with the requests that this turn had no time for, after what other connections have sent by
    /// then. A task that is due at once would run before the sockets are looked at.
    private func continueDeferred() {
        guard turn.hasDeferred, !turn.isContinuing else { return }
        turn.isContinuing = true
        loop.assumeIsolated().scheduleTask(in: .microseconds(Limits.turnPauseMicroseconds)) {
            self.turn.isContinuing = false
            for connection in self.turn.dequeueDeferred() { connection.continueRequests() }
            for handshake in self.turn.dequeueHandshakes() { handshake.begin() }
            for connection in self.turn.endings.dequeueEnded() { connection.finish() }
            for connection in self.turn.endings.dequeueLeaving() {
                connection.goAway(isLast: false)
            }
            self.endTurn()
        }
    }

    /// Input of a turn is going to be read.
    func beginTurn() {
        turn.begin { Turn.Sample(began: clocks.now(), bounced: worker?.bounced ?? 0) }
    }

    private func countBounces(since sample: Turn.Sample) {
        guard let bounced = worker?.bounced, bounced > sample.bounced else { return }
        times.count(
            bounces: bounced - sample.bounced,
            nanoseconds: clocks.now().nanoseconds - sample.began.nanoseconds)
    }
}
