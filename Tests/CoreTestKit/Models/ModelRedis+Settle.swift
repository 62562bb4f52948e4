/// settle.lua and heartbeat.lua.
public import CouponCore

extension ModelRedis {
    /// What follows a commit, in one step and exactly once (rules 21 to 23).
    public mutating func settle(_ settlement: Settlement, now: Timestamp) -> Bool {
        var keys = self[settlement.partition]
        guard keys.isOpen(settlement.epoch), keys.gate?.settled == settlement.from,
            settlement.identity.replicationID == replicationID
        else {
            return false
        }
        let before = settlement.coupons.map { keys[settlement.epoch, $0.id]?.leaf }
        for rejection in settlement.rejections {
            keys[settlement.epoch, rejection.accepted.coupon]?.refuse(rejection)
        }
        var standings: [CompletionEvent.CouponStanding] = []
        for (settled, leaf) in zip(settlement.coupons, before) {
            guard var loaded = keys[settlement.epoch, settled.id] else { continue }
            if let coupon = settled.coupon { _ = loaded.apply(coupon) }
            loaded.queued = max(0, loaded.queued - settled.requests)
            if loaded.leaf != leaf { loaded.rev = keys.nextRev() }
            if loaded.isFinished(now) {
                keys.noteVisit(loaded, settlement.epoch, now, retention)
            }
            keys[settlement.epoch, settled.id] = loaded
            standings.append(loaded.standing(now))
        }
        keys.trim(upTo: settlement.to)
        let requests = settlement.coupons.reduce(0) { $0 + $1.requests }
        let queued = keys.gate?.queued ?? 0
        keys.gate?.settled = settlement.to
        keys.gate?.queued = max(0, queued - requests)
        self[settlement.partition] = keys
        events.append(
            CompletionEvent(
                partition: settlement.partition, epoch: settlement.epoch, from: settlement.from,
                to: settlement.to, publishedAt: now, issuedAt: settlement.issuedAt,
                resolve: settlement.isRecovery,
                coupons: standings,
                rejections: settlement.rejections.map {
                    .init(
                        coupon: $0.accepted.coupon, sequence: $0.accepted.sequence,
                        reason: $0.reason)
                }))
        return true
    }

    /// Publishes how far the partition is settled (rule 24).
    public mutating func heartbeat(
        _ partition: PartitionID, epoch: Epoch, now: Timestamp
    ) -> Bool {
        let keys = self[partition]
        guard keys.isOpen(epoch) else { return false }
        events.append(keys.standingEvent(partition, now, resolve: false, []))
        return true
    }
}

extension ModelRedis.Partition {
    /// A coupon as loaded in an epoch; nil if it is not.
    public subscript(epoch: Epoch, coupon: CouponID) -> ModelRedis.Loaded? {
        get { coupons[ModelRedis.Key(epoch: epoch, coupon: coupon)] }
        set { coupons[ModelRedis.Key(epoch: epoch, coupon: coupon)] = newValue }
    }
}

extension ModelRedis.Loaded {
    /// Records a rejection at the user's holder, if the rejected request is the one that has the slot. Only a
    /// dead letter keeps the slot.
    fileprivate mutating func refuse(_ rejection: Rejection) {
        let user = rejection.accepted.user
        guard let holder = holders[user], holder.hasSlot,
            holder.sequence == rejection.accepted.sequence, holder.position == rejection.position
        else { return }
        if rejection.reason != .deadLetter { used -= 1 }
        if rejection.reason == .alreadyIssued, let issued = rejection.issued {
            holders[user] = GateHolder(
                sequence: issued.sequence, position: .zero, requestID: issued.requestID,
                rejection: nil)
        } else {
            holders[user] = GateHolder(
                sequence: holder.sequence, position: holder.position,
                requestID: holder.requestID, rejection: rejection.reason)
        }
    }
}
