public import CouponDomain

/// What a client sends: one envelope in one frame.
public struct Request: Equatable, Sendable {
    /// Chosen by the client; the response carries it.
    public var id: UInt64
    /// How long the caller will wait, in milliseconds; nil where it does not say.
    public var deadlineMilliseconds: UInt32?
    /// For admin methods, where the daemon asks for it; empty where there is none.
    public var token: [UInt8]
    /// What is asked.
    public var method: Method

    /// An envelope.
    public init(
        id: UInt64, deadlineMilliseconds: UInt32? = nil, token: [UInt8] = [], method: Method
    ) {
        self.id = id
        self.deadlineMilliseconds = deadlineMilliseconds
        self.token = token
        self.method = method
    }

    /// The methods of the protocol. Those from `createCoupon` on are for the admin role.
    public enum Method: Equatable, Sendable {
        /// One user asks for one coupon.
        case issue(IssueRequest)
        /// How a coupon, and perhaps a user, stand.
        case couponStatus(coupon: CouponID, user: UserID?)
        /// Whether the daemon can accept now.
        case health
        /// What the daemon is.
        case serverInfo
        /// A new coupon.
        case createCoupon(Coupon)
        /// One coupon.
        case getCoupon(CouponID)
        /// Coupons with an id above `after`.
        case listCoupons(after: CouponID, limit: Int)
        /// A change of title, total or window.
        case updateCoupon(CouponID, CouponChange)
        /// Refuses requests until resumed.
        case pauseCoupon(CouponID)
        /// Takes requests again.
        case resumeCoupon(CouponID)
        /// Refuses requests for good.
        case closeCoupon(CouponID)
        /// The raw figures of gate, queue and tables.
        case auditCoupon(CouponID)
        /// Issues of a coupon, of users with an id above `after`.
        case listIssues(CouponID, after: UserID, limit: Int)
        /// Dead letters with an id above `after`; of all coupons where none is named.
        case listDeadLetters(after: Int64, coupon: CouponID?)
        /// Issues a dead letter's request with its old sequence.
        case redriveDeadLetter(Int64)
        /// Gives a dead letter up, and its slot back.
        case discardDeadLetter(Int64)
        /// Drops the daemon's local caches and reads its admin token anew.
        case reload
        /// Builds a partition's gate anew.
        case rebuildGate(PartitionID)

        /// Whether only the admin role may call it.
        public var isAdmin: Bool {
            switch self {
            case .issue, .couponStatus, .health, .serverInfo: false
            default: true
            }
        }
    }
}
