/// How far the rebuild of a partition's gate has come (rules 25 to 31).
///
/// It runs in slices: a queue of ten million entries or a coupon of ten million holders must not keep other
/// partitions waiting, or the session silent.
internal import CouponCore

struct Rebuild: Sendable {
    enum Phase {
        /// Reads the queue: which coupons are queued, and which entries are damaged.
        case surveying
        /// Looks for the users of damaged entries among the holders of earlier epochs.
        case searching
        /// Unlinks what earlier epochs left, if no entry is damaged: that frees memory before the load
        /// needs it.
        case sweeping
        /// Writes the coupons that have queued entries, with their holders.
        case loading
        /// Reads the queue again, and counts its requests at their coupons.
        case counting
        /// Everything is in the gate.
        case opening
    }

    /// A coupon of many holders that is loaded page by page.
    struct LargeLoad {
        let marks: LoadMarks
        var place = HolderPlace.start
        var staged: Int64 = 0
    }

    /// The partition with the cursor and the epoch, which belongs to this attempt alone.
    let row: PartitionRow
    let reason: RebuildReason
    let begunAt: MonotonicTime
    /// How long its slices have taken, in milliseconds.
    var worked: Int64 = 0
    var phase = Phase.surveying
    /// The queue may have an id that cannot come from a gate: it is not read before the move has ended (rule
    /// 45). Nil if it can be read.
    var move: QueueMove?
    /// How far the queue was read in this phase.
    var walk: QueueWalk
    var place: Position {
        get { walk.place }
        set { walk.place = newValue }
    }
    /// The coupons with queued entries that are not loaded yet.
    var coupons: [CouponID] = []
    var seen: Set<CouponID> = []
    /// The marks of the next coupons to be loaded.
    var marked: [LoadMarks] = []
    var large: LargeLoad?
    var damaged: Set<Position> = []
    var search = HolderSearch(positions: [])
    /// How many requests were counted.
    var requests = 0
    var beatAt: MonotonicTime
    /// A call failed, or the session was lost: the next slice first checks that the attempt is still valid.
    var isInDoubt = false

    init(row: PartitionRow, reason: RebuildReason, now: MonotonicTime) {
        self.row = row
        self.reason = reason
        begunAt = now
        walk = QueueWalk(place: row.cursor)
        move = QueueMove(from: row.cursor)
        beatAt = now.advanced(byMilliseconds: Limits.beatMilliseconds)
    }

    /// Whether other rebuilds no longer wait for it.
    var takesLong: Bool { worked >= Limits.rebuildAloneMilliseconds }

    /// Surveys a part of the queue; the next part begins after it.
    mutating func survey(_ items: [QueueItem]) {
        for item in items {
            switch item {
            case .entry(let entry): for queued in entry.coupons { add(queued.coupon) }
            case .damaged(let entry): damaged.insert(entry.position)
            }
        }
        walk.read(items)
    }

    mutating func add(_ coupon: CouponID) {
        if seen.insert(coupon).inserted { coupons.append(coupon) }
    }

    /// Starts a phase; counting reads the queue again from the cursor.
    mutating func begin(_ phase: Phase) {
        self.phase = phase
        if case .counting = phase { place = row.cursor }
    }
}

/// How far a queue was read, in slices.
struct QueueWalk: Sendable {
    /// Up to here it was read.
    var place: Position
    /// Requests per entry, as read so far: it limits how many entries a slice reads.
    private(set) var requestsPerEntry = 1

    init(place: Position) { self.place = place }

    /// Records how far the queue was read.
    mutating func read(_ items: [QueueItem]) {
        guard let last = items.last else { return }
        place = last.position
        requestsPerEntry = max(1, items.reduce(0) { $0 + $1.requestCount } / items.count)
    }
}
