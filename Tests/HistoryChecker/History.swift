/// A history: all that clients saw of the system while somebody broke it.
public import CouponCore

/// From one moment to another, both included.
public struct Interval: Hashable, Sendable {
    /// The first moment.
    public let from: Timestamp
    /// The last moment.
    public let to: Timestamp

    /// - Parameters:
    ///   - from: the first moment.
    ///   - to: the last one, not earlier.
    public init(from: Timestamp, to: Timestamp) {
        self.from = from
        self.to = to
    }

    func overlaps(_ other: Interval) -> Bool { from <= other.to && other.from <= to }
}

/// A loss of acknowledged data that GUARANTEES allows for, and when it was made.
public struct Loss: Sendable {
    /// Whose data went back.
    public enum Store: Sendable {
        /// What was accepted and not yet committed may be gone.
        case redis
        /// What was committed may be gone.
        case postgres
    }

    /// Whose data went back.
    public let store: Store
    /// When it was made.
    public let at: Interval

    /// - Parameters:
    ///   - store: whose data went back.
    ///   - at: when; for an older copy from the moment it was taken, for all that followed is gone.
    public init(of store: Store, at: Interval) {
        self.store = store
        self.at = at
    }
}

/// One look at the tables in the middle of it all, in one snapshot.
public struct Reading: Sendable {
    /// When the snapshot was taken, about.
    public let at: Timestamp
    /// The coupon.
    public let coupon: CouponID
    /// How many rows of issues it had.
    public let rows: Int64
    /// What its own row said was issued.
    public let issued: Int64

    /// What was read.
    public init(at: Timestamp, coupon: CouponID, rows: Int64, issued: Int64) {
        self.at = at
        self.coupon = coupon
        self.rows = rows
        self.issued = issued
    }
}

/// All that happened, as far as clients and the one who broke things know it.
public struct History: Sendable {
    /// Totals of the coupons that were on offer; nil is unlimited.
    public var offers: [CouponID: Int64?] = [:]
    /// Every call that ended, in any order.
    public var calls: [Call] = []
    /// Looks at the tables in between.
    public var readings: [Reading] = []
    /// What was lost on purpose.
    public var losses: [Loss] = []
    /// When a daemon, or the way to it, was stopped, cut or dead: no answer is late then.
    public var disturbances: [Int: [Interval]] = [:]
    /// When the machine did not let the client itself run.
    public var stalls: [Interval] = []

    /// A history in which nothing has happened.
    public init() {}
}
