/// gate.lua.
public import CouponCore

extension ModelRedis {
    /// Accepts or refuses requests in order (rules 11 to 13).
    public mutating func gate(_ call: GateCall, now: Timestamp) -> GateAnswer {
        var keys = self[call.partition]
        defer { self[call.partition] = keys }
        let status: GateStatus = keys.gate.map { $0.isFenced ? .fenced : .open } ?? .missing
        guard keys.isOpen(call.epoch), let gate = keys.gate else {
            return .stale(status, epoch: keys.gate?.epoch ?? 0)
        }
        if gate.tail < call.floor || call.identity.replicationID != replicationID {
            return Self.rollBack(&keys)
        }
        let here = Position(epoch: call.epoch, n: gate.tail + 1)
        var changed = keys
        var accepted: [QueuedCoupon] = []
        let results = call.questions.map { question in
            judge(question, call.epoch, here, now, &changed, &accepted)
        }
        if !accepted.isEmpty {
            if here <= keys.lastID || !keys.foreign.isEmpty { return Self.rollBack(&keys) }
            keys = changed
            keys.lastID = here
            keys.gate?.tail = here.n
            keys.queue.append(
                Entry(entry: QueueEntry(position: here, acceptedAt: now, coupons: accepted)))
        }
        return .reply(
            GateReply(
                epoch: call.epoch, tail: keys.gate?.tail ?? 0, settled: gate.settled, now: now,
                results: results))
    }

    private func judge(
        _ question: GateQuestion, _ epoch: Epoch, _ here: Position, _ now: Timestamp,
        _ keys: inout Partition, _ accepted: inout [QueuedCoupon]
    ) -> GateResult {
        guard let gate = keys.gate else { return .exhausted }
        let key = Key(epoch: epoch, coupon: question.coupon)
        guard var loaded = keys.coupons[key] else { return .notLoaded(rev: gate.rev) }
        if !question.requests.isEmpty,
            loaded.queued >= backlogPerCoupon || gate.queued >= backlogPerPartition
        {
            return .exhausted
        }
        if let filling = loaded.filling, !question.requests.isEmpty, question.clearedAt < filling {
            return .filling(rev: gate.rev)
        }
        let first = loaded.nextSequence
        var requests: [EntryRequest] = []
        let verdicts = question.requests.map { request in
            let verdict = loaded.judge(request, at: here, settled: gate.settled, now)
            if case .accepted = verdict {
                requests.append(EntryRequest(user: request.user, requestID: request.requestID))
            }
            return verdict
        }
        if !requests.isEmpty {
            accepted.append(
                QueuedCoupon(coupon: question.coupon, firstSequence: first, requests: requests))
            loaded.queued += Int64(requests.count)
            keys.gate?.queued += Int64(requests.count)
            keys.coupons[key] = loaded
        }
        return .judged(
            GateJudgement(
                rev: loaded.rev, version: loaded.coupon.version, door: loaded.door(now),
                verdicts: verdicts))
    }

    private static func rollBack(_ keys: inout Partition) -> GateAnswer {
        keys.gate?.isFenced = true
        keys.gate?.beat = 0
        return .rolledBack
    }
}

extension ModelRedis.Loaded {
    fileprivate mutating func judge(
        _ request: GateRequest, at here: Position, settled: Position, _ now: Timestamp
    ) -> GateVerdict {
        if now > request.notAfter { return .expired }
        if let earlier = known(request, settled: settled) { return earlier }
        switch Door(
            state: coupon.state, window: coupon.window, isFull: false, isSoldOut: false, now: now)
        {
        case .closed(.closed): return .closed
        case .closed(.paused): return .paused
        case .closed(.notOpen): return .notOpen
        case .closed(.ended): return .ended
        default: break
        }
        if used >= limit { return .soldOut }
        let sequence = nextSequence
        used += 1
        nextSequence += 1
        holders[request.user] = GateHolder(
            sequence: sequence, position: here, requestID: request.requestID, rejection: nil)
        return .accepted(sequence: sequence, position: here)
    }

    /// The verdict for a known user; nil if the request is judged as a new one.
    private func known(_ request: GateRequest, settled: Position) -> GateVerdict? {
        guard let holder = holders[request.user] else { return nil }
        if holder.requestID == request.requestID {
            guard let reason = holder.rejection else {
                return .replayed(sequence: holder.sequence, position: holder.position)
            }
            return .rejected(sequence: holder.sequence, reason: reason)
        }
        let state: HolderState
        if holder.rejection == nil {
            state = holder.position <= settled ? .issued : .queued
        } else if holder.hasSlot {
            state = .rejected
        } else {
            return nil
        }
        return .duplicate(sequence: holder.sequence, state: state, position: holder.position)
    }
}
