/// One daemon's session with the tables of a `ModelWorld`.
public import CouponCore

/// Does what the statements do. A test is notified before each call, and may fail it or let time pass.
public final class ModelLedger: Ledger {
    /// The calls.
    public enum Call: Hashable, Sendable {
        case join, claim, release, lock, unlock, partition, raiseEpoch, issue, rejections, coupons,
            marks, holders
    }

    /// Called before each call is done, with the partition if the call is for one. If this hook loses the
    /// session, all its locks are lost; the next call connects again.
    public var before: (Call, PartitionID?) throws(BackendError) -> Void = { _, _ in }
    /// Called before a batch is issued.
    public var beforeBatch: (Batch) throws(BackendError) -> Void = { _ in }
    /// Batches that were committed, in order.
    public private(set) var batches: [Batch] = []
    /// How often a session was begun.
    public private(set) var joins = 0
    /// Whether there is a session.
    public private(set) var isConnected = false
    private let world: ModelWorld

    /// A session that is not begun.
    public init(_ world: ModelWorld) { self.world = world }

    private var me: ObjectIdentifier { ObjectIdentifier(self) }

    private func begin(_ call: Call, _ partition: PartitionID? = nil) throws(BackendError) {
        do { try before(call, partition) } catch {
            if case .postgres(.sessionLost) = error { loseSession() }
            throw error
        }
        guard !isConnected else { return }
        isConnected = true
        joins += 1
    }

    /// The session ends, as PostgreSQL ends a silent one.
    public func loseSession() {
        isConnected = false
        world.members.removeAll { $0 == me }
        world.owners = world.owners.filter { $0.value != me }
        world.offers = world.offers.mapValues { $0.subtracting([me]) }
        world.takers = world.takers.filter { $0.value != me }
    }

    /// Connects.
    public func ping() throws(BackendError) { try begin(.join) }

    /// Ranked by the order in which sessions began.
    public func joinMembers() throws(BackendError) -> Membership {
        try begin(.join)
        if !world.members.contains(me) { world.members.append(me) }
        return Membership(
            rank: world.members.firstIndex(of: me) ?? 0, count: world.members.count,
            offered: Set(world.offers.filter { !$0.value.subtracting([me]).isEmpty }.keys),
            taken: Set(world.takers.filter { $0.value != me }.keys))
    }

    /// An advisory lock.
    public func claim(_ partition: PartitionID) throws(BackendError) -> Bool {
        try begin(.claim, partition)
        if world.owners[partition] == nil { world.owners[partition] = me }
        return world.owners[partition] == me
    }

    /// Releases an advisory lock.
    public func release(_ partition: PartitionID) throws(BackendError) {
        try begin(.release, partition)
        if world.owners[partition] == me { world.owners[partition] = nil }
    }

    /// An advisory lock.
    public func lock(
        _ kind: HandoverLock, of partition: PartitionID
    ) throws(BackendError) -> Bool {
        try begin(.lock, partition)
        switch kind {
        case .offer: world.offers[partition, default: []].insert(me)
        case .taker:
            if world.takers[partition] == nil { world.takers[partition] = me }
            return world.takers[partition] == me
        }
        return true
    }

    /// Releases an advisory lock.
    public func unlock(
        _ kind: HandoverLock, of partition: PartitionID
    ) throws(BackendError) {
        try begin(.unlock, partition)
        switch kind {
        case .offer: world.offers[partition]?.remove(me)
        case .taker: if world.takers[partition] == me { world.takers[partition] = nil }
        }
    }

    /// The partition's row.
    public func partition(_ partition: PartitionID) throws(BackendError) -> PartitionRow {
        try begin(.partition, partition)
        return world.tables[partition]
    }

    /// Rule 26.
    public func raiseEpoch(
        of partition: PartitionID, above floor: Epoch, node: RedisNodeState
    ) throws(BackendError) -> PartitionRow {
        try begin(.raiseEpoch, partition)
        if world.tables.isFenced(partition, for: node) { throw .postgres(.fenced) }
        return world.tables.raiseEpoch(of: partition, above: floor, node: node)
    }

    /// Rule 19.
    public func issue(_ batch: Batch) throws(BackendError) -> Commit {
        try begin(.issue, batch.partition)
        try beforeBatch(batch)
        guard !world.tables.isFenced(batch) else { throw .postgres(.fenced) }
        batches.append(batch)
        return world.tables.issue(batch, now: world.clocks.wallNow()) { _ in false }
    }

    /// Rejections and held dead letters.
    public func rejections(
        in partition: PartitionID, after from: Position, upTo to: Position
    ) throws(BackendError) -> [Rejection] {
        try begin(.rejections, partition)
        return world.tables.rejections(in: partition, after: from, upTo: to)
    }

    /// Coupons as committed.
    public func coupons(_ ids: [CouponID]) throws(BackendError) -> [Coupon] {
        try begin(.coupons)
        return world.tables.coupons(ids)
    }

    /// Marks of coupons.
    public func marks(of coupons: [CouponID]) throws(BackendError) -> [LoadMarks] {
        try begin(.marks)
        return world.tables.marks(of: coupons)
    }

    /// The next holders of a coupon.
    public func holders(
        of coupon: CouponID, after place: HolderPlace, limit: Int
    ) throws(BackendError) -> HolderPage {
        try begin(.holders)
        return world.tables.holders(of: coupon, after: place, limit: limit)
    }

    /// All holders of several coupons.
    public func holders(
        of coupons: [CouponID], limit: Int
    ) throws(BackendError) -> [CouponID: [LoadedHolder]]? {
        try begin(.holders)
        return world.tables.holders(of: coupons, limit: limit)
    }
}
