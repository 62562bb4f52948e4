/// The kinds of slow work. Each has its own queue and its own thread, so that no kind waits for another.
internal import CouponCore

enum Lane: String, CaseIterable, Sendable {
    /// The rows of the partitions, and decisions for waiters: all workers depend on them.
    case news
    /// What workers ask PostgreSQL about coupons and users: the first request of each coupon, retries for
    /// finished coupons, and requests for coupons that are filling wait for it.
    case lookups
    /// Loads of coupons into their gates.
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

    /// How long it waits for an answer of Redis, in milliseconds; nil for as long as others. What PostgreSQL
    /// knows of a user is answered without Redis, soon enough for a caller's usual deadline.
    var gateMilliseconds: Int64? { self == .statuses ? Limits.statusGateMilliseconds : nil }

    /// How many jobs may wait; further ones get RESOURCE_EXHAUSTED. Recurring jobs do not count.
    var bound: Int {
        switch self {
        case .news: Limits.decisionsWaiting
        case .lookups: Limits.lookupsWaiting
        case .loads: Limits.loadsWaiting
        case .statuses: Limits.statusesWaiting
        case .watches: Limits.watchesWaiting
        case .admin: Limits.adminCallsWaiting
        case .resync: 0
        case .audits: Limits.auditsWaiting
        }
    }
}
