/// The kinds of slow work. Each has its own queue and its own thread, so that no kind waits for another.
internal import CouponCore

enum Lane: String, CaseIterable, Sendable {
    /// The rows of the partitions, and decisions for waiters: all workers depend on them.
    case news
    /// Lookups and loads of coupons: the first request of each coupon waits for them.
    case loads
    /// Statuses, which any caller may request without limit.
    case statuses
    /// Events for callers that follow them, and the deletion of old ones.
    case watches
    /// Admin methods.
    case admin
    /// Changes and dead letters that the gates have not confirmed, and lines of the trail. It has no callers.
    /// If Redis does not answer, it may block for two seconds at each of a hundred coupons, so nothing else
    /// may wait behind it.
    case resync
    /// The auditor, and audits on demand: they read many rows.
    case audits

    /// The name of its jobs in errors.
    var jobs: String { self == .admin ? "admin calls" : rawValue }

    /// The answer to one job too many.
    var exhausted: Failure { .exhausted("too many \(jobs) are waiting") }

    /// How many jobs may wait; further ones get RESOURCE_EXHAUSTED. Recurring jobs do not count.
    var bound: Int {
        switch self {
        case .news: Limits.decisionsWaiting
        case .loads: Limits.loadsWaiting
        case .statuses: Limits.statusesWaiting
        case .watches: Limits.watchesWaiting
        case .admin: Limits.adminCallsWaiting
        case .resync: 0
        case .audits: Limits.auditsWaiting
        }
    }
}
