/// gate.lua.
public import CouponCore

extension ModelRedis {
    /// Accepts or refuses, for one coupon, many requests in order (rules 11 to 13).
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
        let key = Key(epoch: call.epoch, coupon: call.coupon)
        guard var loaded = keys.coupons[key] else {
            return .notLoaded(rev: gate.rev, now: now)
        }
        if !call.requests.isEmpty,
            loaded.queued >= backlogPerCoupon || gate.queued >= backlogPerPartition
        {
            return .exhausted
        }
        let here = Position(epoch: call.epoch, n: gate.tail + 1)
        let first = loaded.nextSequence
        var accepted: [EntryRequest] = []
        let verdicts = call.requests.map { request in
            let verdict = loaded.judge(request, at: here, settled: gate.settled, now)
            if case .accepted = verdict {
                accepted.append(EntryRequest(user: request.user, requestID: request.requestID))
            }
            return verdict
        }
        if !accepted.isEmpty {
            if here <= keys.lastID { return Self.rollBack(&keys) }
            keys.lastID = here
            keys.queue.append(
                Entry(
                    entry: QueueEntry(
                        position: here, coupon: call.coupon, firstSequence: first,
                        acceptedAt: now, requests: accepted)))
            loaded.queued += Int64(accepted.count)
            keys.gate?.tail = here.n
            keys.gate?.queued += Int64(accepted.count)
            keys.coupons[key] = loaded
        }
        return .reply(
            GateReply(
                epoch: call.epoch, rev: loaded.rev, version: loaded.coupon.version, now: now,
                door: loaded.door(now), settled: gate.settled, tail: keys.gate?.tail ?? 0,
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
        switch holder.rejection {
        case nil: state = holder.position <= settled ? .issued : .queued
        case .deadLetter: state = .rejected
        default: return nil
        }
        return .duplicate(sequence: holder.sequence, state: state, position: holder.position)
    }
}
