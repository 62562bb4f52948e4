/// Bounds of long work, which is done in slices (rules 42 to 44).
public import CouponDomain

extension Limits {
    /// Holders that a rebuild reads and stages in one step, or that coupons have which are loaded together.
    public static let holdersPerPage = 5_000
    /// A coupon with so many issues takes requests before they are at the gate: fewer are loaded in a fifth
    /// of a second.
    public static let issuesLoadedLater: Int64 = 20_000
    /// Coupons that the loads of one lane write each second, at most.
    public static let couponsLoadedPerSecond = 2_000
    /// Requests in the queue entries that a rebuild reads or counts in one step.
    public static let requestsPerSlice = 400
    /// Queue entries that a rebuild copies in one step: Redis serves nobody else for some 2 ms.
    public static let entriesPerMove = 500
    /// About how many bytes it copies in one step: a full entry has 25 KB.
    public static let bytesPerMove: Int64 = 1_048_576
    /// Coupons in one step: of a rebuild that loads coupons with few holders, of a sweep, and of an unload
    /// that checks which coupons may leave Redis.
    public static let couponsPerSlice = 200
    /// Coupons that a rebuild loads together, or that a transaction issues, while other partitions issue: a
    /// request in those needs four round trips, and may wait for such a load or transaction at each.
    public static let couponsBesideOthers = 50
    /// How long a partition's long work may go on in one turn, in milliseconds: the others wait for it.
    public static let sliceMilliseconds: Int64 = 10
    /// The same while other partitions issue: their requests should not wait.
    public static let sliceBesideOthersMilliseconds: Int64 = 3
    /// The same for a search of holders, whose calls keep Redis and the scheduler busy.
    public static let searchBesideOthersMilliseconds: Int64 = 1
    /// While none of the other partitions keeps up, a rebuild gets a slice each time their steps have taken
    /// so many milliseconds: a sixth of the time.
    public static let millisecondsPerSlice: Int64 = 50
    /// A longer step of the others counts as so many milliseconds only, so a rebuild gets ten slices in a row
    /// at most: while they run, nothing keeps the session from ending.
    public static let longestDebtMilliseconds: Int64 = 500
    /// How long a rebuild may work before other ones no longer wait for it, in milliseconds: a gate with
    /// little to load does not wait for one with ten million holders.
    public static let rebuildAloneMilliseconds: Int64 = 3_000
    /// Time between two beats of a rebuild, in milliseconds.
    public static let beatMilliseconds: Int64 = 250
    /// How long a partition whose Redis has a lower term waits before it looks again, in milliseconds.
    public static let lowerTermMilliseconds: Int64 = 1_000
    /// How long the beat of a rebuild may stand still before the rebuild is taken over, in milliseconds.
    public static let beatTimeoutMilliseconds: Int64 = 3_000
    /// How long before its window opens a coupon is loaded, in milliseconds.
    public static let openingMilliseconds: Int64 = 30_000
    /// Coupons that a daemon finds to open soon, at most; later ones are loaded by their first requests.
    public static let openingCoupons = 20_000
    /// Loads of such coupons in flight, at most: a load for a caller waits for a slice of each.
    public static let openingLoadsInFlight = 50
    /// Time between two unloads of a partition, in milliseconds.
    public static let unloadMilliseconds: Int64 = 1_000
    /// How long a round of `resync` sends decisions on letters, in milliseconds: the outbox waits for it.
    /// After this time the outbox's own round ends as soon as a gate fails.
    public static let resyncMilliseconds: Int64 = 1_000
    /// Decisions on letters that a round of `resync` sends to each gate, at most.
    public static let lettersPerResync = 100
    /// Time between two looks at another daemon's load, and the longest rest of loads, in milliseconds.
    public static let loadPauseMilliseconds: Int64 = 50
    /// How long an admin's call waits for another load of its coupon, in milliseconds: later calls of the
    /// lane wait for it.
    public static let loadWaitMilliseconds: Int64 = 1_000
    /// Coupons in one issuing transaction: settling each costs Redis some 6 µs.
    public static let couponsPerTransaction = 1_000
}
