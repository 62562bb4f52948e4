/// The worker and the gate: what is asked, and what an answer means (rules 11 to 15).
extension Worker {
    /// Sends pending batches, up to each gate's limit of calls in flight. During a gate's outage it fails the
    /// pending requests of its partitions; calls that were in flight when it began stay in flight.
    public func pump() {
        while ways.haveRoom, let partition = batches.nextPartition() {
            guard let place = ways.place(of: partition) else {
                refuseAll(in: partition, "no node of Redis serves the partition now")
                continue
            }
            guard let identity = ways[place].gate.identity, ways[place].gate.outage == nil else {
                refuseAll(in: partition, ways[place].gate.outage ?? "Redis is not reachable")
                continue
            }
            if ways[place].hasRoom {
                pump(partition, place, identity)
            } else {
                ways.wait(partition, at: place)
            }
        }
    }

    /// Follows the nodes of Redis. What was asked at a node that does not serve the partition any more is
    /// asked at the other one, once PostgreSQL's row names it: with the same request ids, as after a break.
    public func use(_ routes: GateRoutes) {
        for question in ways.use(routes) { hold(question) }
        known.use(routes)
        gateDidChange()
    }

    /// Sends one call. While another one of the partition is in flight, only coupons with many requests have
    /// a turn: the others gather until one is answered.
    private func pump(_ partition: PartitionID, _ place: Int, _ identity: RedisIdentity) {
        guard !known.isAwaitingRow(of: partition) else { return }
        guard known.book.isServed(partition, by: identity) else {
            let someWereRefused = refuseAll(in: partition, Failure.gateNotOpen.message)
            // The rows are read each second anyway. Asking for them because of held requests would repeat
            // without end.
            if someWereRefused { host.refreshPartitions() }
            return
        }
        let now = options.clocks.now()
        let isFurther = ways[place].asked.isAsking(partition)
        let isDue = batches.dequeueDue(partition)
        let onlyFull = isFurther && !isDue
        var room = Limits.requestsPerGateCall
        var questions: [GateQuestion] = []
        var tickets: [AskedCalls.Question] = []
        while room > 0, questions.count < Limits.couponsPerGateCall,
            let coupon = batches.nextCoupon(of: partition, isFull: onlyFull)
        {
            // The answer to one of the coupon's calls makes it ready again.
            if isFurther, !mayAskFurther(coupon, partition, place) { continue }
            let clearedAt = fillings.isEmpty ? 0 : clearRequests(of: coupon, partition)
            let (numbers, requests) = dequeue(coupon, atMost: room, now)
            let wantsRefresh = batches.dequeueRefresh(of: coupon)
            if wantsRefresh || !requests.isEmpty {
                tickets.append(.init(coupon: coupon, tickets: numbers))
                questions.append(
                    GateQuestion(coupon: coupon, requests: requests, clearedAt: clearedAt))
                room -= requests.count
            }
            batches.finishTurn(of: coupon)
        }
        guard !questions.isEmpty else { return }
        let number = ways.nextNumber()
        ways.ask(
            .init(
                number: number, partition: partition, questions: tickets,
                generation: known.frontDoor.generation(of: partition), at: now), at: place)
        ways[place].gate.send(
            GateCall(
                partition: partition, number: number, place: place,
                epoch: known.book.epoch(of: partition), identity: identity,
                floor: known.book.floor(of: partition), questions: questions))
        // Some coupons may have enough requests for a call while this one is in flight.
        batches.makeReady(partition)
    }

    /// Whether a coupon may have one more call in flight: with few requests it has only one.
    private func mayAskFurther(
        _ coupon: CouponID, _ partition: PartitionID, _ place: Int
    ) -> Bool {
        let inFlight = ways[place].asked.count(of: coupon, in: partition)
        return inFlight == 0
            || inFlight < Limits.gateCallsInFlightPerCoupon
                && batches.count(of: coupon) >= Limits.minimumConcurrentBatch
    }

    /// Removes the next requests of a coupon, for a call.
    private func dequeue(
        _ coupon: CouponID, atMost room: Int, _ now: MonotonicTime
    ) -> (tickets: [UInt64], requests: [GateRequest]) {
        let count = min(room, batches.count(of: coupon))
        var numbers: [UInt64] = []
        var requests: [GateRequest] = []
        numbers.reserveCapacity(count)
        requests.reserveCapacity(count)
        while requests.count < room, let number = batches.popFirst(of: coupon) {
            guard let request = dequeueForCall(number, now) else { continue }
            numbers.append(number)
            requests.append(request)
        }
        return (numbers, requests)
    }

    /// The ticket's request, unless the deadline has ended it or the coupon has closed since.
    private func dequeueForCall(_ number: UInt64, _ now: MonotonicTime) -> GateRequest? {
        guard let ticket = tickets[number] else { return nil }
        if !ticket.mayBeAccepted {
            switch known.judge(ticket.coupon, attempt: ticket.attempt, now: now) {
            case .ask: break
            case .bounce(let outcome):
                answer(number, outcome)
                return nil
            case .bounceAndRefresh(let outcome):
                answer(number, outcome)
                batches.refresh(ticket.coupon)
                return nil
            }
        }
        tickets.send(number, at: now)
        meter.recordSent(ticket, at: now)
        return ticket.request
    }

    /// Fails the pending requests of a partition whose gate cannot be asked.
    /// - Returns: whether any request was failed.
    @discardableResult
    private func refuseAll(in partition: PartitionID, _ reason: String) -> Bool {
        var someWereRefused = false
        while let coupon = batches.nextCoupon(of: partition) {
            if refuse(coupon, reason) { someWereRefused = true }
        }
        return someWereRefused
    }

    /// Fails the pending requests of a coupon whose gate cannot be asked. Requests that may be
    /// accepted already are held until their deadline.
    /// - Returns: whether any request was failed.
    @discardableResult
    func refuse(_ coupon: CouponID, _ reason: String) -> Bool {
        let numbers = batches.removeAll(of: coupon).filter { tickets[$0] != nil }
        let undecided = numbers.filter { tickets[$0]?.mayBeAccepted == true }
        for number in numbers where tickets[number]?.mayBeAccepted == false {
            failUnjudged(number, .unavailable(reason))
        }
        batches.hold(undecided, for: coupon)
        return undecided.count < numbers.count
    }

    func answer(_ number: UInt64, _ outcome: Outcome) {
        guard let ticket = tickets.remove(number) else { return }
        measure(
            ticket, outcome.kind.name, isSuccess: outcome.isSuccess, issuedAt: outcome.issuedAt)
        host.answer(ticket.caller, outcome)
    }

    /// Fails a request that the gate has not judged. An earlier, interrupted call may have accepted it.
    func failUnjudged(_ number: UInt64, _ failure: Failure) {
        guard let ticket = tickets.remove(number) else { return }
        measure(ticket, failure.code.name)
        host.fail(
            ticket.caller, ticket.mayBeAccepted ? failure.with(acceptance: .unknown) : failure)
    }
}

extension Worker: GateDelegate {
    /// The gate connection was made or lost.
    public func gateDidChange() {
        batches.makeAllReady()
        host.schedulePump()
    }

    /// Applies the answer to the oldest call in flight to that gate.
    public func gate(didAnswer call: GateCall, with answer: GateAnswer) {
        guard let (asked, waiting) = ways.endCall(at: call.place) else { return }
        for partition in waiting { batches.makeReady(partition) }
        guard !asked.isAbandoned else { return host.schedulePump() }
        guard asked.number == call.number else {
            // No gate does that. But "unknown" is better than the answer to another request.
            for question in asked.questions { hold(question) }
            return host.schedulePump()
        }
        switch answer {
        case .reply(let reply):
            apply(reply, to: asked)
        case .stale(_, let epoch):
            handleStale(epoch, call, asked)
        case .rolledBack:
            failAll(
                asked,
                .unavailable("Redis went back, or its replication id changed: the gate is rebuilt"))
        case .unavailable(let reason):
            failAll(asked, .unavailable(reason))
        case .interrupted:
            for question in asked.questions { hold(question) }
        }
        if case .interrupted = answer {} else { makeReady(asked) }
        host.schedulePump()
    }

    /// The coupons of an answered call, and those that waited for its answer, have a turn again.
    private func makeReady(_ asked: AskedCalls.Asked) {
        for question in asked.questions { batches.makeReady(question.coupon) }
        batches.makeDue(asked.partition)
    }

    private func failAll(_ asked: AskedCalls.Asked, _ failure: Failure) {
        for question in asked.questions { fail(question, failure) }
    }

    private func fail(_ question: AskedCalls.Question, _ failure: Failure) {
        for number in question.tickets { failUnjudged(number, failure) }
    }

    private func putBack(_ question: AskedCalls.Question) {
        for number in question.tickets { tickets.putBack(number) }
        batches.putBack(question.tickets, for: question.coupon)
    }

    /// After a broken call: the requests are sent again after a reconnect (`gateDidChange`) or when the rows
    /// have been read. Not at once: a gate that answers nonsense would be asked without end.
    private func hold(_ question: AskedCalls.Question) {
        for number in question.tickets { tickets.interrupt(number) }
        batches.hold(question.tickets, for: question.coupon)
    }

    /// Rule 15: a later epoch is read from PostgreSQL; everything else is repaired by the owner.
    private func handleStale(_ epoch: Epoch, _ call: GateCall, _ asked: AskedCalls.Asked) {
        host.refreshPartitions()
        guard epoch > known.book.epoch(of: call.partition) else {
            if call.epoch < known.book.epoch(of: call.partition) {
                for question in asked.questions { putBack(question) }
            } else {
                failAll(asked, .unavailable("the gate is being rebuilt"))
            }
            return
        }
        known.awaitRow(of: call.partition, epoch)
        for question in asked.questions { putBack(question) }
    }

    private func apply(_ reply: GateReply, to asked: AskedCalls.Asked) {
        let now = options.clocks.now()
        meter.recordReply(to: asked, at: now)
        known.receive(reply, to: asked, now: now)
        for (question, result) in zip(asked.questions, reply.results) {
            switch result {
            case .judged(let judgement):
                known.apply(
                    judgement, of: question.coupon, epoch: reply.epoch, to: asked, now: now)
                apply(judgement, to: question, reply, asked.partition, now)
            case .notLoaded(let rev):
                putBack(question)
                for number in question.tickets { tickets.miss(number) }
                lookUp(question.coupon, rev: rev, reply, asked.generation)
            case .exhausted:
                fail(question, .exhausted("too many accepted requests wait to be issued"))
            case .filling(let rev):
                putBack(question)
                fill(question.coupon, epoch: reply.epoch, rev: rev)
            }
        }
        askLookups()
        askQuestions(asked.partition)
        if let place = ways.place(of: asked.partition) { askReplicas(at: place) }
    }

    private func lookUp(
        _ coupon: CouponID, rev: Int64, _ reply: GateReply, _ generation: Int
    ) {
        guard batches.beginLoad(of: coupon) else { return }
        prepareLookup(
            of: .init(
                coupon: coupon, epoch: reply.epoch, rev: rev, now: reply.now,
                generation: generation))
    }

    private func apply(
        _ judgement: GateJudgement, to question: AskedCalls.Question, _ reply: GateReply,
        _ partition: PartitionID, _ now: MonotonicTime
    ) {
        if judgement.verdicts.contains(where: \.isAcceptance) { options.failpoint(.accepted) }
        for (number, verdict) in zip(question.tickets, judgement.verdicts) {
            apply(verdict, number, judgement.door, reply, partition, now)
        }
    }

    private func apply(
        _ verdict: GateVerdict, _ number: UInt64, _ door: Door, _ reply: GateReply,
        _ partition: PartitionID, _ now: MonotonicTime
    ) {
        switch verdict {
        case .accepted(let sequence, let position):
            if meter.reporting.isOn { tickets.judge(number, at: now) }
            keepBack(number, partition)
            accept(number, sequence, position, reply.now, partition, isReplay: false)
        case .replayed(let sequence, let position):
            if meter.reporting.isOn { tickets.judge(number, at: now) }
            if position > reply.settled { keepBack(number, partition) }
            accept(number, sequence, position, reply.now, partition, isReplay: true)
        case .duplicate(let sequence, let state, _):
            if state == .queued { keepBack(number, partition) }
            answerConfirmed(number, .duplicate(sequence: sequence, state: state))
        case .rejected(let sequence, let reason):
            answer(number, .rejected(sequence: sequence, reason: reason))
        case .soldOut: answer(number, .soldOut)
        case .notOpen: answer(number, .notOpen(opens: door.opens ?? reply.now))
        case .ended: answer(number, .ended)
        case .paused: answer(number, .paused)
        case .closed: answer(number, .closed)
        case .expired: handleExpired(number, partition, now)
        }
    }

    private func accept(
        _ number: UInt64, _ sequence: Int64, _ position: Position, _ judgedAt: Timestamp,
        _ partition: PartitionID, isReplay: Bool
    ) {
        guard let ticket = tickets[number] else { return }
        guard ticket.waitsForIssue else {
            answerConfirmed(number, .accepted(sequence: sequence))
            return
        }
        tickets.accept(number, sequence: sequence)
        waiters.register(
            WaitList.Waiter(
                ticket: number,
                accepted: AcceptedRequest(
                    coupon: ticket.coupon, user: ticket.request.user, sequence: sequence,
                    requestID: ticket.request.requestID), position: position,
                judgedAt: judgedAt),
            isReplay: isReplay, in: partition)
    }

    /// The gate's clock is ahead of our estimate; the reply corrects it, so time may be left.
    private func handleExpired(
        _ number: UInt64, _ partition: PartitionID, _ now: MonotonicTime
    ) {
        guard let ticket = tickets[number] else { return }
        guard ticket.deadline > now else {
            failUnjudged(
                number,
                Failure(.deadlineExceeded, "the deadline passed before the gate was asked"))
            return
        }
        tickets.renew(number, notAfter: gateTime(of: ticket.deadline, in: partition, now: now))
        batches.append(number, for: ticket.coupon)
    }
}

extension GateVerdict {
    fileprivate var isAcceptance: Bool {
        if case .accepted = self { true } else { false }
    }
}

extension Door {
    /// When the window opens, if that is why the coupon is closed.
    fileprivate var opens: Timestamp? {
        if case .closed(.notOpen(let opens)) = self { opens } else { nil }
    }
}
