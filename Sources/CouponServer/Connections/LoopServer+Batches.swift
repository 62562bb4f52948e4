/// Batches: many users of one coupon in one request. Each user is a request of its own, to the worker and to
/// the lanes; the batch is answered when all of them are.
internal import CouponCore
internal import CouponWire
internal import NIOCore

extension Caller {
    /// Marks the number of a batch. Numbers of connections are lower: a daemon has fewer than 2^31.
    private static let batchMark: UInt64 = 1 << 31

    /// A user of a batch.
    fileprivate init(batch: UInt64, index: Int) {
        self.init(connection: batch | Self.batchMark, request: UInt64(index))
    }

    /// Whether it is a user of a batch, and no connection.
    var isOfBatch: Bool { connection & Self.batchMark != 0 }
    var batch: UInt64 { connection & ~Self.batchMark }
}

extension LoopServer {
    /// Judges each request of a batch as if it had come alone.
    func issue(
        _ batch: IssueBatch, deadlineMilliseconds: UInt32?, _ caller: Caller,
        _ connection: ServerConnection
    ) {
        guard reserve(.batches, caller, connection) else { return }
        let pending = PendingBatch(of: batch.items.count, caller)
        let number = batches.add(pending)
        for index in batch.items.indices {
            let issue = batch.request(index)
            let user = Caller(batch: number, index: index)
            pending.begin()
            if let refusal = limitPrincipal(of: issue, from: connection)
                ?? limitRate(of: issue, from: connection) ?? limit(issue, from: connection)
            {
                reply(user, .failure(refusal))
            } else {
                worker?.submit(issue, deadlineMilliseconds: deadlineMilliseconds, caller: user)
            }
        }
    }

    /// Looks up each user of a batch like a status of its own.
    func status(
        of coupon: CouponID, _ users: [UserID], deadlineMilliseconds: UInt32?, _ caller: Caller,
        _ connection: ServerConnection
    ) {
        let method = Request.Method.couponStatus(coupon: coupon, user: nil)
        if let refusal = limit(method, from: connection) {
            return reply(caller, .failure(refusal))
        }
        guard reserve(.statusBatches, caller, connection) else { return }
        let questions = PendingBatch.Questions(
            coupon, users, deadline: deadline(after: deadlineMilliseconds))
        let number = batches.add(PendingBatch(questions, caller))
        batchDeadlines.add(number, deadline: questions.deadline)
        usersOfBatches += users.count
        connection.statusBatches.append(number)
        submitQuestions(of: connection)
    }

    /// Sends users of the connection's batches of statuses to the lane: a few at a time, so that those of a
    /// thousand do not fill it.
    private func submitQuestions(of connection: ServerConnection) {
        while let number = connection.statusBatches.first {
            guard let batch = batches[number], batch.hasQuestion else {
                connection.statusBatches.removeFirst()
                continue
            }
            guard connection.share.reserve(.statusesOfBatches),
                let (index, question, deadline) = batch.beginQuestion()
            else { return }
            usersOfBatches -= 1
            let user = Caller(batch: number, index: index)
            let call = pendingCalls.add(
                Request.Method.couponStatus(coupon: question.coupon, user: question.user).name,
                of: user, now: clocks.now(), deadline: deadline)
            submit(question, deadline: deadline, call, of: user, connection.presence)
        }
    }

    /// False if the connection has too many batches; then that is the answer.
    private func reserve(
        _ share: SlowShare.Kind, _ caller: Caller, _ connection: ServerConnection
    ) -> Bool {
        if connection.share.reserve(share) { return true }
        if share == .statusBatches { work.statuses.refuse() }
        reply(caller, .failure(refuse(share, connection)))
        return false
    }

    /// Keeps the answer of a user, and answers the batch if it was the last one.
    func gather(_ user: Caller, _ result: Response.Result) {
        guard let batch = batches[user.batch] else { return }
        batch.end(Int(user.request), result)
        if !batch.isAnswered { usersOfBatches += 1 }
        answerIfOver(user.batch, batch)
    }

    /// Answers a batch if it can be, and forgets it if nothing of it is left.
    private func answerIfOver(_ number: UInt64, _ batch: PendingBatch) {
        if let answer = batch.dequeueAnswer() {
            // Nobody waits for these users any more; those at the worker or in the lane are counted there.
            usersOfBatches -= batch.count - batch.atWork
            let connection = connections[batch.caller.connection]
            connection?.share.release(batch.share)
            connection?.statusBatches.removeAll { $0 == number }
            if batch.isUnknown { countUnknownCoupon(connection) }
            reply(batch.caller, answer)
        }
        removeIfOver(number, batch)
    }

    /// Answers the batches of statuses that still wait for a place in the lane at their deadline.
    func expireBatches(now: MonotonicTime) {
        for number in batchDeadlines.advance(now: now) {
            guard let batch = batches[number], let deadline = batch.waitsUntil else { continue }
            if deadline > now {
                batchDeadlines.add(number, deadline: deadline)
            } else {
                batch.fail(Self.deadlinePassed)
                answerIfOver(number, batch)
            }
        }
    }

    /// Answers all batches of statuses that wait for a place in the lane.
    func endBatches(_ failure: Failure) {
        for number in batches.keys {
            guard let batch = batches[number], batch.hasQuestion else { continue }
            batch.fail(failure)
            answerIfOver(number, batch)
        }
    }

    /// A status of a batch has left the lane: the next one may take its place. Not before, or batches with
    /// short deadlines would fill the lane.
    func leaveLane(_ user: Caller) {
        guard let batch = batches[user.batch] else { return }
        batch.leaveLane()
        removeIfOver(user.batch, batch)
        guard let connection = connections[batch.caller.connection] else { return }
        connection.share.release(.statusesOfBatches)
        submitQuestions(of: connection)
    }

    private func removeIfOver(_ number: UInt64, _ batch: PendingBatch) {
        // Nobody asks the questions that are left if the connection is gone.
        let isForgotten =
            batch.inFlight == 0 && batch.hasQuestion
            && connections[batch.caller.connection] == nil
        guard batch.isOver || isForgotten else { return }
        _ = batches.remove(number)
        if !batch.isAnswered { usersOfBatches -= batch.count }
    }

    /// The connection is gone: nobody asks the questions of its batches that wait. A batch with a user in the
    /// lane goes when that answer comes.
    func dropBatches(of connection: ServerConnection) {
        for number in connection.statusBatches {
            guard let batch = batches[number] else { continue }
            traces[batch.caller] = nil
            guard batch.inFlight == 0 else { continue }
            _ = batches.remove(number)
            usersOfBatches -= batch.count
        }
        connection.statusBatches = []
        endTurn()
    }

    /// The connection of a caller, also of a user of a batch; nil if it is gone.
    func connection(of caller: Caller) -> ServerConnection? {
        guard caller.isOfBatch else { return connections[caller.connection] }
        return batches[caller.batch].flatMap { connections[$0.caller.connection] }
    }
}
