/// letter.lua (rules 33 and 46).
public import CouponCore

extension ModelRedis {
    /// Applies the decision on a dead letter.
    public mutating func apply(
        _ letter: DeadLetter, of coupon: Coupon, partition: PartitionID, epoch: Epoch,
        now: Timestamp
    ) -> SetResult {
        var keys = self[partition]
        guard keys.isOpen(epoch) else { return .stale }
        guard var loaded = keys[epoch, coupon.id] else {
            let key = Key(epoch: epoch, coupon: coupon.id)
            return keys.loads[key]?.load == nil ? .notLoaded : .loading
        }
        if let accepted = letter.accepted, let holder = loaded.holder(of: accepted),
            holder.rejection == nil, holder.position > keys.gate?.settled ?? .zero
        {
            return .loading
        }
        let leaf = loaded.leaf
        if let accepted = letter.accepted { loaded.decide(accepted, letter.state) }
        _ = loaded.apply(coupon)
        if loaded.leaf != leaf { loaded.rev = keys.nextRev() }
        keys.noteVisit(loaded, epoch, now, retention)
        keys[epoch, coupon.id] = loaded
        self[partition] = keys
        if loaded.leaf != leaf {
            events.append(
                keys.standingEvent(partition, now, resolve: false, [loaded.standing(now)]))
        }
        return .current
    }
}

extension ModelRedis.Loaded {
    /// The holder that an accepted request has made.
    fileprivate func holder(of accepted: AcceptedRequest) -> GateHolder? {
        holders[accepted.user].flatMap {
            $0.sequence == accepted.sequence && $0.requestID == accepted.requestID ? $0 : nil
        }
    }

    fileprivate mutating func decide(_ accepted: AcceptedRequest, _ state: DeadLetter.State) {
        guard let holder = holder(of: accepted), holder.rejection != nil, holder.hasSlot else {
            return
        }
        holders[accepted.user] = GateHolder(
            sequence: holder.sequence, position: holder.position, requestID: holder.requestID,
            rejection: state == .redriven ? nil : .discarded)
        if state == .discarded { used -= 1 }
    }
}
