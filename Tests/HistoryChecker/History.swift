/// A history: all that clients saw of the system while faults hit it.
public import CouponCore

/// From one moment to another, both included.
public struct Interval: Hashable, Sendable {
    /// The first moment.
    public let from: Timestamp
    /// The last moment.
    public let to: Timestamp

    /// - Parameters:
    ///   - from: the first moment.
    ///   - to: the last moment, not earlier.
    public init(from: Timestamp, to: Timestamp) {
        self.from = from
        self.to = to
    }

    func overlaps(_ other: Interval) -> Bool { from <= other.to && other.from <= to }
}

/// A loss of acknowledged data that docs/GUARANTEES.md allows, and when it was caused.
public struct Loss: Sendable {
    /// The server whose data went back.
    public enum Store: Sendable {
        /// Acceptances that are not committed may be gone.
        case redis
        /// Commits may be gone.
        case postgres
    }

    /// The server whose data went back.
    public let store: Store
    /// When it was caused.
    public let at: Interval
    /// The coupons that were on the server; nil for all.
    public let coupons: Set<CouponID>?
    /// Whether acceptances that were answered may be gone. If not, answers waited for replicas, and only
    /// acceptances without an answer may be gone.
    public let includesAnswered: Bool
    /// Whether what callers knew before it is safe: only what was accepted while it was caused may be gone.
    public let sparesEarlier: Bool

    /// - Parameters:
    ///   - store: the server whose data went back.
    ///   - at: when; if an older copy was restored, it begins when the copy was taken.
    ///   - coupons: those on the server; nil for all.
    ///   - includesAnswered: whether acceptances that were answered may be gone.
    ///   - sparesEarlier: whether what callers knew before it is safe.
    public init(
        of store: Store, at: Interval, coupons: Set<CouponID>? = nil,
        includesAnswered: Bool = true, sparesEarlier: Bool = false
    ) {
        self.store = store
        self.at = at
        self.coupons = coupons
        self.includesAnswered = includesAnswered
        self.sparesEarlier = sparesEarlier
    }

    /// Whether what a caller learned in this interval may be gone.
    func mayHaveTaken(whatWasLearnedIn interval: Interval) -> Bool {
        at.to >= interval.from && (!sparesEarlier || interval.to >= at.from)
    }

    fileprivate func concerns(_ coupon: CouponID) -> Bool { coupons?.contains(coupon) ?? true }
}

/// One snapshot of the tables during the history.
public struct Reading: Sendable {
    /// About when the snapshot was taken.
    public let at: Timestamp
    /// The coupon.
    public let coupon: CouponID
    /// The number of its issue rows.
    public let rows: Int64
    /// The count in the coupon's own row.
    public let issued: Int64

    /// A reading at a moment.
    public init(at: Timestamp, coupon: CouponID, rows: Int64, issued: Int64) {
        self.at = at
        self.coupon = coupon
        self.rows = rows
        self.issued = issued
    }
}

/// All that happened, as far as the clients and the test that caused the faults know.
public struct History: Sendable {
    /// Totals of the coupons on offer; nil means unlimited.
    public var offers: [CouponID: Int64?] = [:]
    /// Every call that ended, in any order.
    public var calls: [Call] = []
    /// Every status that was answered, in any order.
    public var statuses: [StatusCall] = []
    /// Snapshots of the tables in between.
    public var readings: [Reading] = []
    /// Losses that were caused on purpose.
    public var losses: [Loss] = []
    /// When a daemon or its network was stopped, cut or dead, by the daemon's number. No answer is late then.
    public var disturbances: [Int: [Interval]] = [:]
    /// When the machine did not let the client itself run.
    public var stalls: [Interval] = []

    /// An empty history.
    public init() {}

    /// The losses that may have hit a coupon.
    func losses(of coupon: CouponID) -> [Loss] { losses.filter { $0.concerns(coupon) } }
}
