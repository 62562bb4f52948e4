/// How far the rebuild of a partition's gate has come (rules 25 to 31).
///
/// It goes a slice at a time, so that neither a queue of ten million entries nor a coupon of ten
/// million holders keeps other partitions waiting, or the session silent.
internal import CouponCore

struct Rebuild {
    enum Phase {
        /// Reads the queue: which coupons are queued, and which entries are damaged.
        case surveying
        /// Looks for the users of damaged entries among the holders of earlier epochs.
        case searching
        /// Unlinks what earlier epochs left, if no entry is damaged: room is made before it is taken.
        case sweeping
        /// Writes the coupons that have queued entries, with their holders.
        case loading
        /// Reads the queue again, and counts its requests at their coupons.
        case counting
        /// All is there.
        case opening
    }

    /// A coupon of many holders on its way, page by page.
    struct LargeLoad {
        let marks: LoadMarks
        var place = HolderPlace.start
        var staged: Int64 = 0
    }

    /// The partition with the epoch of this attempt, which belongs to it alone, and the cursor.
    let row: PartitionRow
    let reason: RebuildReason
    var phase = Phase.surveying
    /// Up to here the queue was read in this phase.
    var place: Position
    /// How many requests an entry holds, as far as was read: for reading so many that a slice stays short.
    var requestsPerEntry = 1
    /// The coupons with queued entries that are not loaded yet.
    var coupons: [CouponID] = []
    var seen: Set<CouponID> = []
    /// The next coupons to be loaded, as they were when they were marked.
    var marked: [LoadMarks] = []
    var large: LargeLoad?
    var damaged: Set<Position> = []
    var search = HolderSearch(positions: [])
    /// What was counted.
    var requests = 0
    var beatAt: MonotonicTime
    /// A call failed, or the session was lost: whether it still goes on is to be looked at first.
    var isInDoubt = false

    init(row: PartitionRow, reason: RebuildReason, now: MonotonicTime) {
        self.row = row
        self.reason = reason
        place = row.cursor
        beatAt = now.advanced(byMilliseconds: Limits.beatMilliseconds)
    }

    /// Takes a part of the queue; the next one begins behind it.
    mutating func survey(_ items: [QueueItem]) {
        for item in items {
            switch item {
            case .entry(let entry): add(entry.coupon)
            case .damaged(let entry): damaged.insert(entry.position)
            }
        }
        read(items)
    }

    mutating func add(_ coupon: CouponID) {
        if seen.insert(coupon).inserted { coupons.append(coupon) }
    }

    /// Notes how far the queue was read.
    mutating func read(_ items: [QueueItem]) {
        guard let last = items.last else { return }
        place = last.position
        requestsPerEntry = max(1, items.reduce(0) { $0 + $1.requestCount } / items.count)
    }

    /// The next phase; one that reads the queue begins at the cursor.
    mutating func begin(_ phase: Phase) {
        self.phase = phase
        if case .counting = phase { place = row.cursor }
    }
}
