/// Every limit of the daemon in one place, with its reason (promise 10).
///
/// Those that an operator may want to change are configuration with these as defaults.
public enum Limits {
    // MARK: Callers

    /// The longest frame, in bytes, without its length. Default; configurable.
    public static let frameBytes = 65_536
    /// What one frame may cost once unpacked, in bytes: 16 times the longest sensible message.
    public static let messageMemoryBytes = 65_536
    /// What one answer may cost a client once unpacked, in bytes: a full page of a list is the dearest.
    public static let answerMemoryBytes = 262_144
    /// Connections at once. Default; configurable.
    public static let connections = 20_000
    /// Unanswered requests of one connection; beyond it the connection is not read.
    public static let requestsInFlightPerConnection = 1_024
    /// Bytes waiting to be written to one connection; beyond it the connection is not read.
    public static let unwrittenBytesPerConnection = 262_144
    /// Unanswered issue requests of one worker; beyond it RESOURCE_EXHAUSTED.
    public static let requestsInFlightPerWorker = 262_144
    /// Callers of one worker who wait for ISSUED; beyond it RESOURCE_EXHAUSTED.
    public static let waitersPerWorker = 262_144
    /// The deadline of a request that names none, in milliseconds (CONTRACT section 5).
    public static let defaultDeadlineMilliseconds: UInt32 = 2_000
    /// The longest deadline; longer ones are shortened. A wait for ISSUED may outlast an outage.
    public static let maximumDeadlineMilliseconds: UInt32 = 60_000
    /// What a refused caller is told to wait, in milliseconds.
    public static let retryAfterMilliseconds: UInt32 = 250
    /// The longest title, in bytes of UTF-8.
    public static let maximumTitleBytes = 200
    /// The largest total: sequences stay below 2^53, where Lua's numbers are exact.
    public static let maximumTotal: Int64 = 1 << 52
    /// The latest moment of a window, in microseconds since the epoch (the year 2255): Lua's numbers are
    /// exact up to here.
    public static let maximumMicroseconds: Int64 = 1 << 53
    /// The longest admin token, in bytes.
    public static let maximumTokenBytes = 1_024
    /// The longest text of an error, in bytes of UTF-8; a longer one is cut.
    public static let maximumErrorTextBytes = 1_024
    /// Coupons in one page of a list, at most; fewer where they do not fit in a frame.
    public static let couponsPerPage = 500
    /// Issues in one page of a list, at most: with 64 bytes each they always fit in a frame.
    public static let issuesPerPage = 1_000
    /// Issues in a page of a list that names no limit.
    public static let defaultIssuesPerPage = 100
    /// Dead letters in one page of a list.
    public static let deadLettersPerPage = 100
    /// The longest text of a dead letter's error in an answer, in bytes of UTF-8.
    public static let deadLetterErrorBytes = 200
    /// Coupons in a page of a list that names no limit.
    public static let defaultCouponsPerPage = 100

    // MARK: Gate

    /// Partitions at most: each costs a few keys, a lock and a row.
    public static let maximumPartitions = 1_024
    /// Requests in one gate call: Lua's `unpack` takes fewer than 8,000 values, and Redis serves nobody
    /// else for the 2.3 ms of a full one.
    public static let requestsPerGateCall = 1_024
    /// Gate calls under way on one connection. What has arrived when Redis comes back from its fsync shares
    /// the next one, so that a thousand coupons with few requests each are not a thousand fsyncs.
    public static let gateCallsInFlight = 64
    /// Gate calls of one coupon under way: few, or its requests would not gather.
    public static let gateCallsInFlightPerCoupon = 4
    /// Requests that wait for a coupon when a call leaves beside another one. A call costs Redis 26 µs and
    /// an fsync for its first request and 2.5 µs for each further one: fewer do better to gather.
    public static let requestsOfAFurtherGateCall = 16
    /// Requests accepted and not yet settled, for each coupon. Default; configurable.
    public static let backlogPerCoupon: Int64 = 2_000_000
    /// The same for a partition: what Redis must hold. Default; configurable.
    public static let backlogPerPartition: Int64 = 4_000_000

    // MARK: Scheduler

    /// Requests in one issuing transaction: larger ones gain little and hold the coupon longer.
    public static let requestsPerTransaction = 5_000
    /// Coupons whose accounts a daemon looks at each second, beside those it suspects.
    public static let auditedCoupons = 32
    /// Rows that it counts each second: some 5 ms of PostgreSQL.
    public static let auditedRows = 20_000
    /// Rejections and dead letters, each, that it counts for one coupon; a coupon with more is left to
    /// `couponctl verify`.
    public static let auditedRefusals: Int64 = 10_000
    /// Coupons that do not add up, or may not, that it remembers.
    public static let auditSuspects = 256
    /// Holders of a coupon that it searches for those who drifted.
    public static let auditedHolders = 20_000
    /// Rows that are counted for an audit on demand; a coupon with more is judged without.
    public static let auditedRowsOnDemand: Int64 = 2_000_000
    /// Queued requests of a partition that are read for an audit on demand; behind a longer queue the
    /// gate's own count is believed.
    public static let auditedQueue = 100_000
    /// Holders written to Redis by one command of a load.
    public static let holdersPerCommand = 1_000

    // MARK: Local cache

    /// Coupons whose standing one worker remembers.
    public static let frontDoorCoupons = 65_536
    /// A mark older than this is read again in the background while it bounces (rule 39).
    public static let markRefreshMilliseconds: Int64 = 1_000
    /// Coupons of which one worker remembers that they do not exist: a flood of them costs no others.
    public static let absentCoupons = 16_384
    /// How long "no such coupon" is believed without an event.
    public static let absentMilliseconds: Int64 = 1_000
    /// How long a finished coupon bounces while the daemon hears no events (rule 39).
    public static let finishedWhileDeafMilliseconds: Int64 = 30_000
    /// NOT_OPEN is bounced only while the gate's estimated clock is this far before opening (rule 40).
    public static let notOpenMarginMilliseconds: Int64 = 1_000
    /// Requests of one coupon that wait for its load; beyond it RESOURCE_EXHAUSTED.
    public static let requestsWaitingForLoad = 65_536
    /// Coupons that are looked up by one statement.
    public static let couponsPerLookup = 1_000
    /// Coupons of one worker that wait to be looked up; beyond it RESOURCE_EXHAUSTED.
    public static let couponsWaitingForLookup = 8_192
    /// Slow jobs (lookups, loads, statuses, admin calls) waiting in one daemon; beyond it RESOURCE_EXHAUSTED.
    public static let slowJobs = 16_384
}
