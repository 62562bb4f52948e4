extension LoadedCoupon {
    /// The coupon as the gate must hold it when these requests still wait in the queue (rule 30).
    ///
    /// A user who is issued, or whose dead letter is held, has a slot already: such an entry is decided when
    /// it is drained. A rejected user's later request counts as any other.
    public func adding(queued requests: [(holding: Holding, position: Position)]) -> LoadedCoupon {
        var holders = Dictionary(
            self.holders.map { ($0.user, $0.holder) }, uniquingKeysWith: { first, _ in first })
        var used = self.used
        var highest = nextSequence - 1
        for (holding, position) in requests {
            highest = max(highest, holding.sequence)
            if let known = holders[holding.user], known.hasSlot { continue }
            used += 1
            holders[holding.user] = GateHolder(
                sequence: holding.sequence, position: position, requestID: holding.requestID,
                rejection: nil)
        }
        return LoadedCoupon(
            coupon: coupon,
            holders: holders.map { LoadedHolder(user: $0.key, holder: $0.value) },
            used: used, queued: queued + Int64(requests.count), nextSequence: highest + 1)
    }
}

extension GateHolder {
    /// Whether a slot of the coupon is taken by this user.
    public var hasSlot: Bool { rejection == nil || rejection == .deadLetter }
}
