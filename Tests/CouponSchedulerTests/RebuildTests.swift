/// Rebuilds in slices: turns between them, what continues after a failure, who waits for another owner (rules
/// 26 to 31).
import CouponCore
import CoreTestKit
import Testing

@testable import CouponScheduler

@Suite struct RebuildTests {
    /// A partition whose gate was open, with entries of a coupon that has holders; its gate is lost.
    private func lost(
        partitions: Int = 1, entries: Int = 120, holders: Int = 35
    ) -> (Plant, TestDaemon) {
        let plant = Plant(partitions: partitions)
        let daemon = plant.daemon()
        plant.run(daemon) { (0..<partitions).allSatisfy(plant.isOpen) }
        plant.offer(8, holders: holders)
        plant.accept(entries)
        plant.loseGate()
        return (plant, daemon)
    }

    private func isDrained(_ plant: Plant, _ partition: Int = 0) -> Bool {
        plant.isOpen(partition) && plant.queue(partition).isEmpty
            && plant.row(partition).cursor.epoch == plant.row(partition).epoch
    }

    /// All who were accepted are issued, and the gate's accounts are the tables'.
    private func expectWhole(_ plant: Plant, issued: Int) throws {
        #expect(plant.world.tables.issues[CouponID(8)]?.count == issued)
        #expect(plant.world.tables.rejections.isEmpty)
        let partition = PartitionID(0)
        let loaded = try #require(plant.world.redis[partition][plant.row().epoch, CouponID(8)])
        #expect(loaded.used == Int64(issued) && loaded.queued == 0)
        #expect(loaded.holders.count == issued)
        #expect(plant.world.redis[partition].gate?.queued == 0)
    }

    @Test func `a rebuild keeps holders and queue, and costs one epoch`() throws {
        let (plant, daemon) = lost()
        let epoch = plant.row().epoch
        plant.run(daemon) { isDrained(plant) }
        #expect(plant.row().epoch == epoch + 1)
        try expectWhole(plant, issued: 155)
    }

    @Test func `other partitions have their turns between the slices`() {
        let (plant, daemon) = lost(partitions: 4, entries: 400)
        plant.offer(9)
        plant.run(daemon) { daemon.scheduler.rebuilds[PartitionID(0)] != nil }
        var turns = 0
        while daemon.scheduler.rebuilds[PartitionID(0)] != nil, turns < 2_000 {
            plant.accept(of: 9)
            daemon.turn(plant.clock)
            #expect(plant.queue(1).count <= 1, "what was accepted a turn ago is issued")
            turns += 1
        }
        #expect((20..<2_000).contains(turns), "it took many slices")
        plant.run(daemon) { isDrained(plant) && isDrained(plant, 1) }
        #expect(plant.row(1).epoch == 1)
        #expect(plant.world.tables.issues[CouponID(9)]?.count == turns)
    }

    @Test func `of two rebuilds one runs in a turn, and both end`() {
        let plant = Plant(partitions: 2)
        let daemon = plant.daemon()
        plant.run(daemon) { plant.isOpen(0) && plant.isOpen(1) }
        plant.offer(8)
        plant.offer(9)
        plant.accept(200, of: 8)
        plant.accept(200, of: 9)
        // They would go on accepting, so neither waits for the end of the other's rebuild.
        for partition in [0, 1] {
            plant.world.redis[PartitionID(partition)].gate?.settled = Position(epoch: 1, n: 199)
        }
        var turns: [Set<Int>] = []
        daemon.gates.before = { [clock = plant.clock] call, partition in
            if call == .entries, let partition { turns[turns.count - 1].insert(partition.rawValue) }
            if call != .wait { clock.advance(milliseconds: 6) }
        }
        plant.run(daemon) {
            turns.append([])
            return isDrained(plant, 0) && isDrained(plant, 1)
        }
        #expect(plant.row(0).epoch == 2 && plant.row(1).epoch == 2)
        #expect(turns.count { $0.count > 1 } <= 1, "both begin in one turn")
        let slices = turns.compactMap(\.first)
        let changes = zip(slices, slices.dropFirst()).count { $0 != $1 }
        #expect(changes > 10, "they take turns")
    }

    @Test(
        arguments: [
            .entries, .sweep, .stage, .load, .count, .open, .beat, .read, .identity,
        ] as [ModelGates.Call])
    func `a rebuild continues after a failed call, with the same epoch`(
        _ failing: ModelGates.Call
    ) throws {
        let (plant, daemon) = lost()
        let epoch = plant.row().epoch
        plant.run(daemon) { plant.row().epoch == epoch + 1 }
        var failures = 0
        // Every other call fails, three times at most.
        daemon.gates.before = { [clock = plant.clock] call, _ throws(BackendError) in
            if call != .wait { clock.advance(milliseconds: 30) }
            guard call == failing, failures < 6 else { return }
            failures += 1
            if failures % 2 == 1 { throw .redis(.unavailable("the connection broke")) }
        }
        plant.run(daemon) { isDrained(plant) }
        #expect(failures > 0)
        #expect(plant.row().epoch == epoch + 1)
        try expectWhole(plant, issued: 155)
    }

    @Test(arguments: [.count, .load, .stage, .sweep, .open, .beat] as [ModelGates.Call])
    func `a call whose answer was lost may run twice, and counts once`(
        _ losing: ModelGates.Call
    ) throws {
        let (plant, daemon) = lost()
        plant.run(daemon) { plant.row().epoch == 2 }
        var calls = 0
        daemon.gates.after = { [clock = plant.clock] call, _ throws(BackendError) in
            if call != .wait { clock.advance(milliseconds: 20) }
            guard call == losing else { return }
            calls += 1
            if calls % 2 == 1, calls < 8 { throw .redis(.unavailable("the answer was lost")) }
        }
        plant.run(daemon) { isDrained(plant) }
        #expect(calls > 0 && plant.row().epoch == 2)
        try expectWhole(plant, issued: 155)
        #expect(plant.world.redis[PartitionID(0)].loads.isEmpty, "no copy of the holders is left")
    }

    @Test(
        arguments: [
            (.marks, .postgres(.busy("a lock"))), (.holders, .postgres(.tooSlow("57014"))),
            (.partition, .postgres(.failed("disk"))),
            (.marks, .postgres(.sessionLost("2 s of silence"))),
            (.holders, .postgres(.sessionLost("2 s of silence"))),
        ] as [(ModelLedger.Call, BackendError)])
    func
        `a rebuild continues after a failed statement or a lost session, with the same epoch`(
            failing: ModelLedger.Call, error: BackendError
        ) throws
    {
        let (plant, daemon) = lost()
        plant.run(daemon) { plant.row().epoch == 2 }
        var failures = 0
        daemon.gates.before = { [clock = plant.clock] call, _ in
            if call != .wait { clock.advance(milliseconds: 30) }
        }
        daemon.ledger.before = { call, _ throws(BackendError) in
            guard call == failing, failures < 6, !plant.isOpen() else { return }
            failures += 1
            if failures % 2 == 1 { throw error }
        }
        plant.run(daemon) { isDrained(plant) }
        #expect(failures > 0)
        #expect(plant.row().epoch == 2)
        try expectWhole(plant, issued: 155)
    }

    /// Its batches were not too slow.
    @Test func `statements of a rebuild that take too long make no transaction smaller`() {
        let (plant, daemon) = lost()
        plant.run(daemon) { plant.row().epoch == 2 }
        var failures = 0
        daemon.ledger.before = { call, _ throws(BackendError) in
            guard call == .holders, failures < 5 else { return }
            failures += 1
            throw .postgres(.tooSlow("57014"))
        }
        plant.run(daemon) { isDrained(plant) }
        #expect(failures == 5)
        #expect(daemon.ledger.batches.last { !$0.items.isEmpty }?.items.count ?? 0 > 10)
        #expect(daemon.scheduler.owned[PartitionID(0)]?.batch.requests == 50)
    }

    @Test func `a coupon that changes while its holders are read is read again`() throws {
        let (plant, daemon) = lost()
        var pages = 0
        daemon.ledger.before = { [world = plant.world] call, _ in
            guard call == .holders else { return }
            pages += 1
            guard pages == 3 else { return }
            // An admin redrives a letter.
            let sequence = (world.tables.coupons[CouponID(8)]?.lastSequence ?? 0)
            world.tables.coupons[CouponID(8)]?.issued += 1
            world.tables.issues[CouponID(8)]?[UserID(5_000_000)] = ModelTables.Issue(
                sequence: sequence, requestID: .random(), at: .zero)
        }
        plant.run(daemon) { isDrained(plant) }
        #expect(plant.row().epoch == 2 && pages > 8)
        try expectWhole(plant, issued: 156)
    }

    @Test func `another daemon's rebuild is waited for while it makes progress`() {
        let (plant, daemon) = lost()
        let (partition, world) = (PartitionID(0), plant.world)
        let row = world.tables.raiseEpoch(of: partition, above: 1, node: world.node)
        _ = world.redis.fence(row)
        let start = plant.clock.now
        var beatAt = start
        while plant.clock.now.milliseconds(since: start) < 20_000 {
            if plant.clock.now.milliseconds(since: beatAt) >= 2_000 {
                _ = world.redis.beat(partition, epoch: row.epoch)
                beatAt = plant.clock.now
            }
            daemon.turn(plant.clock)
        }
        #expect(plant.row().epoch == row.epoch, "no other rebuild has begun")
        // It stands still.
        let last = plant.clock.now
        plant.run(daemon) { plant.row().epoch > row.epoch }
        #expect((500...5_000).contains(plant.clock.now.milliseconds(since: last)))
        plant.run(daemon) { isDrained(plant) }
        #expect(plant.row().epoch == row.epoch + 1)
    }

    @Test func `a gate that fenced itself is rebuilt at once`() {
        let (plant, daemon) = lost(entries: 0)
        plant.run(daemon) { isDrained(plant) }
        plant.world.redis[PartitionID(0)].gate?.isFenced = true
        let start = plant.clock.now
        plant.run(daemon) { plant.row().epoch == 3 }
        #expect(plant.clock.now.milliseconds(since: start) < 1_000)
    }

    @Test func `a daemon does not wait for a rebuild of its own that has ended`() {
        let (plant, daemon) = lost()
        var endedAt: MonotonicTime?
        daemon.gates.before = { [clock = plant.clock] call, _ throws(BackendError) in
            guard call == .open, endedAt == nil else { return }
            endedAt = clock.now
            throw .overtaken("another node has the partition, with the fenced gate")
        }
        plant.run(daemon) { plant.row().epoch == 3 }
        #expect(endedAt.map { plant.clock.now.milliseconds(since: $0) < 1_000 } == true)
        plant.run(daemon) { isDrained(plant) }
    }

    @Test func `two daemons do not overtake each other's rebuild, even if the first one stalls`()
        throws
    {
        let (plant, first) = lost()
        let second = plant.daemon()
        first.gates.before = { [clock = plant.clock] call, _ in
            if call != .wait { clock.advance(milliseconds: 20) }
        }
        plant.run(first) { plant.row().epoch == 2 }
        #expect(plant.row().epoch == 2 && !plant.isOpen())
        // PostgreSQL ends the first one's silent session, and the second one takes its partition.
        first.ledger.loseSession()
        plant.run(second) { second.scheduler.owned[PartitionID(0)] != nil }
        plant.run(first, second) { isDrained(plant) }
        #expect(plant.row().epoch <= 3, "each has begun one at most")
        try expectWhole(plant, issued: 155)
    }

    @Test
    func `a daemon that loses its partitions does not write into the new owner's rebuild`()
        throws
    {
        let (plant, first) = lost()
        let second = plant.daemon()
        first.gates.before = { [clock = plant.clock] call, _ in
            if call != .wait { clock.advance(milliseconds: 20) }
        }
        plant.run(first) { first.gates.count(of: .count) == 2 }
        first.ledger.loseSession()
        // The first one stands still.
        plant.run(second) { isDrained(plant) }
        #expect(plant.row().epoch == 3)
        plant.accept(3)
        for _ in 0..<200 { first.turn(plant.clock) }
        plant.run(first, second) { isDrained(plant) }
        #expect(plant.row().epoch == 3)
        try expectWhole(plant, issued: 158)
    }

    @Test func `the users of a damaged entry are found, and get dead letters`() throws {
        let (plant, daemon) = lost(entries: 0)
        plant.run(daemon) { isDrained(plant) }
        plant.offer(9, holders: 0)
        plant.accept(4, of: 9)
        plant.world.redis[PartitionID(0)].queue[1].isDamaged = true
        plant.world.redis[PartitionID(0)].gate?.isFenced = true
        let epoch = plant.row().epoch
        plant.run(daemon) { isDrained(plant) }
        #expect(plant.row().epoch == epoch + 1)
        #expect(plant.world.tables.issues[CouponID(9)]?.count == 3)
        #expect(plant.world.tables.rejections.map(\.reason) == [.deadLetter])
        let loaded = try #require(
            plant.world.redis[PartitionID(0)][plant.row().epoch, CouponID(9)])
        #expect(loaded.used == 4 && loaded.queued == 0, "the letter keeps its slot")
    }

    @Test func `a slice copies neither the coupons of a long queue nor those that were seen`() {
        let plant = Plant()
        let daemon = plant.daemon()
        plant.run(daemon) { plant.isOpen() }
        for id in 1...60 as ClosedRange<Int64> {
            plant.offer(id)
            plant.accept(of: id)
        }
        plant.loseGate()
        var places: Set<Int> = []
        plant.run(daemon) {
            guard let rebuild = daemon.scheduler.rebuilds[PartitionID(0)] else { return false }
            guard case .loading = rebuild.phase else { return !places.isEmpty }
            let place = unsafe rebuild.coupons.withUnsafeBufferPointer {
                Int(bitPattern: $0.baseAddress)
            }
            places.insert(place)
            return false
        }
        #expect(places.count == 1)
        plant.run(daemon) { isDrained(plant) }
        #expect(plant.row().epoch == 2)
    }

    @Test func `one search finds the users of all damaged entries in the queue`() {
        let plant = Plant()
        let daemon = plant.daemon(requestsPerTransaction: 10)
        plant.run(daemon) { plant.isOpen() }
        plant.offer(8)
        plant.accept(200)
        for index in stride(from: 3, to: 200, by: 10) {
            plant.world.redis[PartitionID(0)].queue[index].isDamaged = true
        }
        let before = daemon.gates.count(of: .search)
        plant.run(daemon) { plant.queue().isEmpty }
        #expect(daemon.gates.count(of: .search) < before + 10, "20 batches have a damaged entry")
        #expect(plant.world.tables.issues[CouponID(8)]?.count == 180)
        #expect(plant.world.tables.rejections.count == 20)
        // Later ones get another one.
        plant.accept(10)
        plant.world.redis[PartitionID(0)].queue[4].isDamaged = true
        plant.run(daemon) { plant.queue().isEmpty }
        #expect(plant.world.tables.issues[CouponID(8)]?.count == 189)
        #expect(plant.world.tables.rejections.count == 21)
        #expect(plant.row().epoch == 1)
    }

    @Test func `an overtaken rebuild leaves the users of a damaged entry to the next one`()
        throws
    {
        let (plant, daemon) = lost(entries: 0)
        plant.run(daemon) { isDrained(plant) }
        plant.offer(9, holders: 0)
        plant.accept(4, of: 9)
        plant.world.redis[PartitionID(0)].queue[1].isDamaged = true
        plant.world.redis[PartitionID(0)].gate?.isFenced = true
        let epoch = plant.row().epoch
        var isOvertaken = false
        daemon.gates.before = { [world = plant.world] call, _ in
            guard call == .count, !isOvertaken else { return }
            isOvertaken = true
            let row = world.tables.raiseEpoch(
                of: PartitionID(0), above: 0, node: world.node)
            _ = world.redis.fence(row)
        }
        plant.run(daemon) { isDrained(plant) }
        #expect(isOvertaken && plant.row().epoch == epoch + 3)
        #expect(plant.world.tables.rejections.map(\.reason) == [.deadLetter])
        #expect(plant.world.tables.rejections.map(\.accepted.sequence) == [2])
    }
}
