/// A coupon for the gate, with all whom it must know (rule 30).
public struct LoadedCoupon: Equatable, Sendable {
    /// As PostgreSQL has it.
    public let coupon: Coupon
    /// Every user whom the gate must know.
    public let holders: [LoadedHolder]
    /// Slots taken: issued, queued, and held dead letters.
    public let used: Int64
    /// Accepted and not yet committed.
    public let queued: Int64
    /// The sequence of the next accepted request.
    public let nextSequence: Int64

    /// A coupon for the gate.
    public init(
        coupon: Coupon, holders: [LoadedHolder], used: Int64, queued: Int64, nextSequence: Int64
    ) {
        self.coupon = coupon
        self.holders = holders
        self.used = used
        self.queued = queued
        self.nextSequence = nextSequence
    }
}

/// A user whom the gate must know.
public struct LoadedHolder: Equatable, Sendable {
    /// Who.
    public let user: UserID
    /// What the gate keeps of them.
    public let holder: GateHolder

    /// A user whom the gate must know.
    public init(user: UserID, holder: GateHolder) {
        self.user = user
        self.holder = holder
    }
}
