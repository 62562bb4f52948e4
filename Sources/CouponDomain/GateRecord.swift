/// A coupon's record at the gate.
public struct GateRecord: Equatable, Sendable {
    /// The coupon's version.
    public let version: Int64
    /// Rises within an epoch whenever the coupon opens or closes.
    public let rev: Int64
    /// Used slots: issued, queued, and held dead letters.
    public let used: Int64
    /// Accepted and not yet settled.
    public let queued: Int64
    /// The sequence of the next accepted request.
    public let nextSequence: Int64
    /// A limit below the total while an admin lowers it.
    public let cap: Int64?
    /// What the coupon offers, as of this version.
    public let terms: CouponTerms

    /// A record.
    public init(
        version: Int64, rev: Int64, used: Int64, queued: Int64, nextSequence: Int64, cap: Int64?,
        terms: CouponTerms
    ) {
        self.version = version
        self.rev = rev
        self.used = used
        self.queued = queued
        self.nextSequence = nextSequence
        self.cap = cap
        self.terms = terms
    }

    /// Whether every slot is used: new users are refused.
    public var isFull: Bool { used >= min(terms.total ?? .max, cap ?? .max) }
}
