/// One daemon's connection to the gates of a `ModelWorld`.
public import CouponCore

/// Does what the scripts do. A test is notified before each call, and may fail it or let time pass.
public final class ModelGates: GateControl {
    /// The calls.
    public enum Call: Hashable, Sendable {
        case identity, read, wait, settle, heartbeat, fence, move, beat, entries, count, open
        case claim, stage, load, complete, abandon, set, cap, inspect, unload, sweep, search
        case letter
    }

    /// Called before each call, with the partition if it has one.
    public var before: (Call, PartitionID?) throws(BackendError) -> Void = { _, _ in }
    /// Called after each script: its answer may be lost.
    public var after: (Call, PartitionID?) throws(BackendError) -> Void = { _, _ in }
    /// What was called, in order.
    public private(set) var calls: [(call: Call, partition: PartitionID?)] = []
    private let world: ModelWorld

    /// A connection to the gates.
    public init(_ world: ModelWorld) { self.world = world }

    /// How often something was called.
    public func count(of call: Call) -> Int { calls.count { $0.call == call } }

    private func begin(_ call: Call, _ partition: PartitionID?) throws(BackendError) {
        calls.append((call, partition))
        if let partition { try reach(node(of: partition)) }
        try before(call, partition)
    }

    private func reach(_ node: RedisNode.ID) throws(BackendError) {
        if away.contains(node) { throw .redis(.unavailable("its node is away")) }
    }

    private func run<Value>(
        _ call: Call, _ partition: PartitionID?, _ body: () -> Value
    ) throws(BackendError) -> Value {
        try begin(call, partition)
        let value = body()
        try after(call, partition)
        return value
    }

    private var now: Timestamp { world.clocks.wallNow() }

    /// The nodes that hold partitions, if there are several. All of them are the world's Redis.
    public var nodes: [PartitionID: RedisNode.ID] = [:]

    /// The nodes that this connection does not reach.
    public var away: Set<RedisNode.ID> = []

    /// The term of another Redis, to which an old map leads this connection; nil if there is none.
    public var oldTerm: UInt64?

    /// By default there is one node.
    public func node(of partition: PartitionID) -> RedisNode.ID { nodes[partition] ?? .single }

    /// Which Redis it is, and in which term.
    public func state(of node: RedisNode.ID) throws(BackendError) -> RedisNodeState {
        try reach(node)
        return try run(.identity, nil) {
            RedisNodeState(identity: world.identity, term: oldTerm ?? world.term)
        }
    }

    /// read.lua.
    public func read(
        _ partition: PartitionID, after: Position, upTo: Position?, maximumRequests: Int
    ) throws(BackendError) -> GateView {
        return try run(.read, partition) {
            view(partition, after: after, upTo: upTo, maximumRequests)
        }
    }

    private func view(
        _ partition: PartitionID, after: Position, upTo: Position? = nil, _ maximumRequests: Int
    ) -> GateView {
        world.redis.read(
            partition, after: after, upTo: upTo, maximumRequests: maximumRequests, now: now)
    }

    /// XREAD; it never waits.
    public func wait(
        for queues: [(partition: PartitionID, after: Position)], milliseconds: Int
    ) throws(BackendError) -> [PartitionID] {
        try begin(.wait, nil)
        let grown = queues.filter { queue in
            let keys = world.redis[queue.partition]
            return !keys.foreign.isEmpty
                || keys.queue.contains { $0.entry.position > queue.after }
        }
        if grown.isEmpty { world.clocks.pause(milliseconds) }
        return grown.map(\.partition)
    }

    /// settle.lua and read.lua.
    public func settle(
        _ settlement: Settlement, thenReading maximumRequests: Int
    ) throws(BackendError) -> GateView? {
        return try run(.settle, settlement.partition) {
            world.redis.settle(settlement, now: now)
                ? view(settlement.partition, after: settlement.to, maximumRequests) : nil
        }
    }

    /// heartbeat.lua and read.lua.
    public func heartbeat(_ rows: [PartitionRow]) -> [Result<GateView?, BackendError>] {
        do throws(BackendError) {
            return try run(.heartbeat, nil) {
                rows.map { row in
                    Result { () throws(BackendError) in
                        try reach(node(of: row.id))
                        return world.redis.heartbeat(row.id, epoch: row.epoch, now: now)
                            ? view(row.id, after: row.cursor, 1) : nil
                    }
                }
            }
        } catch {
            return rows.map { _ in .failure(error) }
        }
    }

    /// inspect.lua.
    public func inspect(
        _ coupon: CouponID, partition: PartitionID, user: UserID?
    ) throws(BackendError) -> GateInspection {
        return try run(.inspect, partition) {
            world.redis.inspect(
                coupon, partition: partition, user: user, identity: world.identity, now: now)
        }
    }

    /// set.lua.
    public func set(
        _ coupon: Coupon, partition: PartitionID, epoch: Epoch
    ) throws(BackendError) -> SetResult {
        return try run(.set, partition) {
            world.redis.set(coupon, partition: partition, epoch: epoch, now: now)
        }
    }

    /// cap.lua.
    public func cap(
        _ coupon: CouponID, version: Int64, partition: PartitionID, epoch: Epoch, total: Int64
    ) throws(BackendError) -> CapResult {
        return try run(.cap, partition) {
            world.redis.cap(
                coupon, version: version, partition: partition, epoch: epoch, total: total, now: now
            )
        }
    }

    // MARK: Rebuild

    /// fence.lua.
    public func fence(_ row: PartitionRow) throws(BackendError) -> Bool {
        let done = try run(.fence, row.id) { world.redis.fence(row) }
        guard let done else { throw .redis(.unavailable("another installation")) }
        return done
    }

    /// move.lua.
    public func move(
        _ move: inout QueueMove, of row: PartitionRow, limit: Int
    ) throws(BackendError) -> Bool {
        var after = move
        let done = try run(.move, row.id) { world.redis.move(&after, of: row, limit: limit) }
        if done { move = after }
        return done
    }

    /// distrust.lua.
    public func distrust(_ partition: PartitionID) throws(BackendError) -> Epoch {
        world.redis.distrust(partition)
    }

    /// beat.lua.
    public func beat(_ partition: PartitionID, epoch: Epoch) throws(BackendError) -> Bool {
        return try run(.beat, partition) {
            world.redis.beat(partition, epoch: epoch)
        }
    }

    /// XRANGE.
    public func entries(
        _ partition: PartitionID, after: Position, limit: Int
    ) throws(BackendError) -> [QueueItem] {
        let items = try run(.entries, partition) {
            world.redis.entries(partition, after: after, limit: limit)
        }
        guard let items else { throw .redis(.unexpectedReply("a foreign id")) }
        return items
    }

    /// count.lua.
    public func count(
        _ requests: [PlacedRequest], from: Position, to: Position, partition: PartitionID,
        epoch: Epoch
    ) throws(BackendError) -> Bool {
        return try run(.count, partition) {
            world.redis.count(
                requests, from: from, to: to, partition: partition, epoch: epoch)
        }
    }

    /// open.lua.
    public func open(_ row: PartitionRow, counted: Position) throws(BackendError) -> Bool {
        return try run(.open, row.id) {
            world.redis.open(row, counted: counted, now: now)
        }
    }

    /// The sweep.
    public func sweep(
        _ partition: PartitionID, before epoch: Epoch, limit: Int
    ) throws(BackendError) -> Bool {
        return try run(.sweep, partition) {
            world.redis.sweep(partition, before: epoch, limit: limit)
        }
    }

    /// How many holders one slice of a search looks at.
    public var holdersPerSearch = Int.max

    /// A slice of a search.
    public func search(
        _ search: inout HolderSearch, partition: PartitionID
    ) throws(BackendError) {
        try begin(.search, partition)
        world.redis.search(&search, partition: partition, limit: holdersPerSearch)
    }

    /// letter.lua.
    public func apply(
        _ letter: DeadLetter, of coupon: Coupon, partition: PartitionID, epoch: Epoch
    ) throws(BackendError) -> SetResult {
        return try run(.letter, partition) {
            world.redis.apply(letter, of: coupon, partition: partition, epoch: epoch, now: now)
        }
    }

    // MARK: Loads

    /// claim.lua.
    public func claim(
        _ coupon: CouponID, partition: PartitionID, epoch: Epoch, load: LoadNumber
    ) throws(BackendError) -> ClaimResult {
        return try run(.claim, partition) {
            world.redis.claim(
                coupon, partition: partition, epoch: epoch, load: load, now: now)
        }
    }

    /// stage.lua.
    public func stage(
        _ holders: [LoadedHolder], of coupon: CouponID, partition: PartitionID, epoch: Epoch,
        load: LoadNumber?, during work: () -> Void
    ) throws(BackendError) -> Bool {
        // The real connection sends the holders in parts, so without holders it sends nothing.
        if holders.isEmpty { return true }
        work()
        return try run(.stage, partition) {
            world.redis.stage(
                holders, of: coupon, partition: partition, epoch: epoch, load: load, now: now)
        }
    }

    /// load.lua.
    public func load(
        _ coupons: [LoadedCoupon], partition: PartitionID, epoch: Epoch, load: LoadNumber?
    ) throws(BackendError) -> LoadResult {
        return try run(.load, partition) {
            world.redis.load(
                coupons, partition: partition, epoch: epoch, load: load, now: now)
        }
    }

    /// complete.lua.
    public func complete(
        _ coupon: CouponID, partition: PartitionID, epoch: Epoch, load: LoadNumber
    ) throws(BackendError) -> Bool {
        return try run(.complete, partition) {
            world.redis.complete(coupon, partition: partition, epoch: epoch, load: load)
        }
    }

    /// abandon.lua.
    public func abandon(
        _ coupon: CouponID, partition: PartitionID, epoch: Epoch, load: LoadNumber
    ) throws(BackendError) {
        try run(.abandon, partition) {
            world.redis.abandon(coupon, partition: partition, epoch: epoch, load: load)
        }
    }

    /// unload.lua.
    public func unload(
        _ partition: PartitionID, epoch: Epoch, limit: Int
    ) throws(BackendError) -> Bool {
        return try run(.unload, partition) {
            world.redis.unload(partition, epoch: epoch, limit: limit, now: now)
        }
    }
}
