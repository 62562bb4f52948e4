/// Whether a coupon is on offer. Time and quantity are judged apart.
public enum CouponState: UInt8, Sendable, CaseIterable {
    /// Requests are judged by window and quantity.
    case active = 1
    /// Requests are refused until it is resumed.
    case paused = 2
    /// Requests are refused for good.
    case closed = 3
}

/// When a coupon may be requested: `[opens, closes)`, judged by the gate's clock alone.
public struct Window: Hashable, Sendable {
    /// The first moment inside.
    public let opens: Timestamp
    /// The first moment after.
    public let closes: Timestamp

    /// - Parameters:
    ///   - opens: the first moment inside.
    ///   - closes: the first moment after; later than `opens`, checked where it comes from outside.
    public init(opens: Timestamp, closes: Timestamp) {
        self.opens = opens
        self.closes = closes
    }
}

/// An offer, as PostgreSQL knows it.
public struct Coupon: Hashable, Sendable {
    /// Its id.
    public let id: CouponID
    /// A short name for people, 1 to `Limits.maximumTitleBytes` bytes of UTF-8.
    public var title: String
    /// How many may be issued; nil is unlimited.
    public var total: Int64?
    /// When it may be requested.
    public var window: Window
    /// Whether it is on offer.
    public var state: CouponState
    /// Rises with every change; a cache never goes back to a lower one.
    public var version: Int64
    /// How many are issued: committed rows.
    public var issued: Int64
    /// The highest sequence that PostgreSQL has decided; 0 where there is none.
    public var lastSequence: Int64

    /// A coupon as read from PostgreSQL.
    public init(
        id: CouponID, title: String, total: Int64?, window: Window, state: CouponState = .active,
        version: Int64 = 1, issued: Int64 = 0, lastSequence: Int64 = 0
    ) {
        self.id = id
        self.title = title
        self.total = total
        self.window = window
        self.state = state
        self.version = version
        self.issued = issued
        self.lastSequence = lastSequence
    }

    /// Whether all of its total is issued, so that only a raise can open it again.
    public var isSoldOut: Bool { total.map { issued >= $0 } ?? false }

    /// How many may still be issued; nil is unlimited.
    public var remaining: Int64? { total.map { max(0, $0 - issued) } }
}
