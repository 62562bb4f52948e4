/// The kinds of slow work. Each waits in a queue of its own, in front of a thread of its own, so that none
/// stands behind another.
internal import CouponCore
internal import CouponWire

enum Lane: String, CaseIterable, Sendable {
    /// Partitions' rows, and decisions for those who wait for ISSUED: every worker lives by them.
    case news
    /// Which coupons exist, and their way into the gate: the first request of each coupon waits for it.
    case loads
    /// What anybody may ask for, as often as they like.
    case statuses
    /// What admins ask for.
    case admin
    /// What the gates may not know of changes and of dead letters. It has no callers, and may stand for two
    /// seconds at each of a hundred coupons where Redis swallows what it is sent: nobody is to wait for that.
    case resync
    /// The auditor, and audits on demand, which read much.
    case audits

    /// What its jobs are called.
    var jobs: String { self == .admin ? "admin calls" : rawValue }

    /// The answer to one job too many.
    var exhausted: Failure { .exhausted("too many \(jobs) wait for their turn") }

    /// Jobs that may wait; beyond it RESOURCE_EXHAUSTED. What recurs waits beside them.
    var bound: Int {
        switch self {
        case .news: Limits.decisionsWaiting
        case .loads: Limits.loadsWaiting
        case .statuses: Limits.statusesWaiting
        case .admin: Limits.adminCallsWaiting
        case .resync: 0
        case .audits: Limits.auditsWaiting
        }
    }
}

extension Request.Method {
    /// Where a slow method waits.
    var lane: Lane {
        switch self {
        case .couponStatus: .statuses
        case .auditCoupon: .audits
        default: .admin
        }
    }
}
