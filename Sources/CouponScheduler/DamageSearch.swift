/// Who was accepted at the damaged entries of an open gate's queue.
///
/// One search covers all damaged entries that are queued when it begins: a search goes through all holders
/// of the partition, and one for each batch would never end.
internal import CouponCore

struct DamageSearch: Sendable {
    /// How far the queue was surveyed; it is surveyed up to `end`.
    private var walk: QueueWalk
    private let end: Position
    private var positions: Set<Position>
    private var isSurveyed = false
    /// Among the holders, after the survey.
    private var search = HolderSearch(positions: [])

    /// - Parameters:
    ///   - damaged: the damaged entries that are known already.
    ///   - cursor: where the survey of the queue begins.
    ///   - end: where it ends.
    init(_ damaged: Set<Position>, after cursor: Position, upTo end: Position) {
        positions = damaged
        walk = QueueWalk(place: cursor)
        self.end = end
    }

    /// What it has found; nil if it is not over.
    var result: HolderSearch? { isSurveyed && search.isOver ? search : nil }

    /// Whether it finds the users of these entries, or may do so.
    func covers(_ damaged: Set<Position>) -> Bool {
        !isSurveyed || damaged.isSubset(of: search.positions)
    }

    /// Runs the smallest part of it: reads some entries, or searches some holders.
    mutating func advance(
        reading next: (QueueWalk) throws(BackendError) -> [QueueItem],
        searching: (inout HolderSearch) throws(BackendError) -> Void
    ) throws(BackendError) {
        if isSurveyed { return try searching(&search) }
        let items = try next(walk)
        for item in items where item.isDamaged { positions.insert(item.position) }
        walk.read(items)
        guard items.isEmpty || walk.place >= end else { return }
        search = HolderSearch(positions: positions)
        isSurveyed = true
    }
}
