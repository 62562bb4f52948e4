/// The worker and the gate: what is asked, and what an answer means (rules 11 to 15).
extension Worker {
    /// Sends pending batches, up to the limit of calls in flight. Without a gate connection it fails all
    /// pending requests; calls that were in flight when the connection broke stay in flight.
    public func pump() {
        guard let identity = gate.identity else {
            while let coupon = batches.nextCoupon() { refuse(coupon, "Redis is not reachable") }
            return
        }
        while asked.count < Limits.gateCallsInFlight, let coupon = batches.nextCoupon() {
            // The answer to one of the coupon's calls, or its next request, makes it ready again.
            if maySendNow(coupon) { pump(coupon, identity) }
        }
    }

    /// While a call for the coupon is in flight, another one is sent only if it has many requests; smaller
    /// batches wait for the reply.
    private func maySendNow(_ coupon: CouponID) -> Bool {
        let underWay = asked.count(of: coupon)
        return underWay == 0
            || underWay < Limits.gateCallsInFlightPerCoupon
                && batches.count(of: coupon) >= Limits.requestsOfAFurtherGateCall
    }

    private func pump(_ coupon: CouponID, _ identity: RedisIdentity) {
        let partition = options.partitioning.partition(of: coupon)
        guard awaitedEpochs[partition] == nil else { return }
        guard book.isServed(partition, by: identity) else {
            let someWereRefused = refuse(coupon, "the gate is not open yet")
            // The rows are read each second anyway. Asking for them because of held requests would repeat
            // without end.
            if someWereRefused { host.refreshPartitions() }
            return
        }
        let now = options.clocks.now()
        let room = min(Limits.requestsPerGateCall, batches.count(of: coupon))
        var numbers: [UInt64] = []
        var requests: [GateRequest] = []
        numbers.reserveCapacity(room)
        requests.reserveCapacity(room)
        while requests.count < Limits.requestsPerGateCall,
            let number = batches.popFirst(of: coupon)
        {
            guard let request = dequeueForCall(number, now) else { continue }
            numbers.append(number)
            requests.append(request)
        }
        let wantsRefresh = batches.dequeueRefresh(of: coupon)
        if wantsRefresh || !requests.isEmpty {
            asked.append(
                .init(
                    coupon: coupon, tickets: numbers, generation: frontDoor.generation,
                    at: now))
            gate.send(
                GateCall(
                    partition: partition, epoch: book.epoch(of: partition), identity: identity,
                    floor: book.floor(of: partition), coupon: coupon, requests: requests))
        }
        batches.finishTurn(of: coupon)
    }

    /// The ticket's request, unless the deadline has ended it or the coupon has closed since.
    private func dequeueForCall(_ number: UInt64, _ now: MonotonicTime) -> GateRequest? {
        guard let ticket = tickets[number] else { return nil }
        if !ticket.mayBeAccepted {
            switch frontDoor.judge(ticket.coupon, attempt: ticket.attempt, now: now) {
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
        tickets[number]?.phase = .asked
        return ticket.request
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
        host.answer(ticket.caller, outcome)
    }

    /// Fails a request that the gate has not judged. An earlier, interrupted call may have accepted it.
    func failUnjudged(_ number: UInt64, _ failure: Failure) {
        guard let ticket = tickets.remove(number) else { return }
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

    /// Applies the answer to the oldest call in flight.
    public func gate(didAnswer call: GateCall, with answer: GateAnswer) {
        guard let asked = asked.popFirst() else { return }
        if case .interrupted = answer {} else { batches.makeReady(asked.coupon) }
        switch answer {
        case .reply(let reply):
            apply(reply, to: asked, in: call.partition)
        case .stale(_, let epoch):
            handleStale(epoch, call, asked)
        case .rolledBack:
            failAll(asked, .unavailable("Redis lost data: the gate is being rebuilt"))
        case .notLoaded(let rev, let now):
            putBack(asked)
            frontDoor.see(now, askedAt: asked.at, now: options.clocks.now())
            if batches.beginLoad(of: asked.coupon) {
                lookUp(
                    .init(
                        coupon: asked.coupon, epoch: call.epoch, rev: rev, now: now,
                        generation: asked.generation))
            }
        case .exhausted:
            failAll(asked, .exhausted("too many accepted requests wait to be issued"))
        case .unavailable(let reason):
            failAll(asked, .unavailable(reason))
        case .interrupted:
            hold(asked)
        }
        host.schedulePump()
    }

    private func failAll(_ asked: AskedCalls.Asked, _ failure: Failure) {
        for number in asked.tickets { failUnjudged(number, failure) }
    }

    private func putBack(_ asked: AskedCalls.Asked) {
        for number in asked.tickets { tickets[number]?.phase = .pending }
        batches.putBack(asked.tickets, for: asked.coupon)
    }

    /// After a broken call: the requests are sent again after a reconnect (`gateDidChange`) or when the rows
    /// have been read. Not at once: a gate that answers nonsense would be asked without end.
    private func hold(_ asked: AskedCalls.Asked) {
        for number in asked.tickets {
            tickets[number]?.phase = .pending
            tickets[number]?.mayBeAccepted = true
        }
        batches.hold(asked.tickets, for: asked.coupon)
    }

    /// Rule 15: a later epoch is read from PostgreSQL; everything else is repaired by the owner.
    private func handleStale(_ epoch: Epoch, _ call: GateCall, _ asked: AskedCalls.Asked) {
        host.refreshPartitions()
        guard epoch > book.epoch(of: call.partition) else {
            if call.epoch < book.epoch(of: call.partition) {
                putBack(asked)
            } else {
                failAll(asked, .unavailable("the gate is being rebuilt"))
            }
            return
        }
        awaitedEpochs[call.partition] = epoch
        putBack(asked)
    }

    private func apply(_ reply: GateReply, to asked: AskedCalls.Asked, in partition: PartitionID) {
        let now = options.clocks.now()
        frontDoor.apply(
            reply, for: asked.coupon, askedUnder: asked.generation, askedAt: asked.at, now: now)
        book.seeOpen(reply.epoch, in: partition)
        book.see(Position(epoch: reply.epoch, n: reply.tail), in: partition)
        if reply.verdicts.contains(where: \.isAcceptance) { options.failpoint(.accepted) }
        for (number, verdict) in zip(asked.tickets, reply.verdicts) {
            apply(verdict, number, reply, partition, now)
        }
        askQuestions(partition)
        askReplicas()
    }

    private func apply(
        _ verdict: GateVerdict, _ number: UInt64, _ reply: GateReply, _ partition: PartitionID,
        _ now: MonotonicTime
    ) {
        switch verdict {
        case .accepted(let sequence, let position):
            keepBack(number)
            accept(number, sequence, position, reply.now, partition, isReplay: false)
        case .replayed(let sequence, let position):
            if position > reply.settled { keepBack(number) }
            accept(number, sequence, position, reply.now, partition, isReplay: true)
        case .duplicate(let sequence, let state, _):
            if state == .queued { keepBack(number) }
            answerConfirmed(number, .duplicate(sequence: sequence, state: state))
        case .rejected(let sequence, let reason):
            answer(number, .rejected(sequence: sequence, reason: reason))
        case .soldOut: answer(number, .soldOut)
        case .notOpen: answer(number, .notOpen(opens: reply.opens))
        case .ended: answer(number, .ended)
        case .paused: answer(number, .paused)
        case .closed: answer(number, .closed)
        case .expired: handleExpired(number, now)
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
        tickets[number]?.phase = .waiting(sequence: sequence)
        waitLists[partition.rawValue].register(
            WaitList.Waiter(
                ticket: number,
                accepted: AcceptedRequest(
                    coupon: ticket.coupon, user: ticket.request.user, sequence: sequence,
                    requestID: ticket.request.requestID), position: position,
                judgedAt: judgedAt),
            isReplay: isReplay)
    }

    /// The gate's clock is ahead of our estimate; the reply corrects it, so time may be left.
    private func handleExpired(_ number: UInt64, _ now: MonotonicTime) {
        guard let ticket = tickets[number] else { return }
        guard ticket.deadline > now else {
            failUnjudged(
                number,
                Failure(.deadlineExceeded, "the deadline passed before the gate was asked"))
            return
        }
        var again = ticket.with(notAfter: gateTime(of: ticket.deadline, now: now))
        again.phase = .pending
        tickets[number] = again
        batches.append(number, for: ticket.coupon)
    }
}

extension GateVerdict {
    fileprivate var isAcceptance: Bool {
        if case .accepted = self { true } else { false }
    }
}

extension GateReply {
    /// When the window opens, if that is why the coupon is closed.
    fileprivate var opens: Timestamp {
        if case .closed(.notOpen(let opens)) = door { opens } else { now }
    }
}
