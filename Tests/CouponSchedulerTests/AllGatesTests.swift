/// All gates are lost at once: how rebuilds share a scheduler's time, and daemons the gates (rule 42).
import CouponCore
import CoreTestKit
import Testing

@testable import CouponScheduler

@Suite struct AllGatesTests {
    /// Open gates, with a coupon of some holders in each, whose queue has some entries.
    private func opened(
        _ partitions: Int, entries: Int = 40, daemons: Int = 1
    ) -> (plant: Plant, daemons: [TestDaemon]) {
        let plant = Plant(partitions: partitions)
        let all = (0..<daemons).map { _ in plant.daemon() }
        run(plant, all) { (0..<partitions).allSatisfy(plant.isOpen) }
        for id in 1...Int64(partitions) {
            plant.offer(id, holders: 15)
            plant.accept(entries, of: id)
        }
        return (plant, all)
    }

    private func run(
        _ plant: Plant, _ daemons: [TestDaemon], sourceLocation: SourceLocation = #_sourceLocation,
        until isDone: () -> Bool
    ) {
        for _ in 0..<3_000 {
            if isDone() { return }
            for daemon in daemons { daemon.turn(plant.clock) }
        }
        #expect(isDone(), "not within 3,000 turns", sourceLocation: sourceLocation)
    }

    /// Each call to Redis takes as long as a large one: a page of ten holders stands for thousands.
    private func slowDown(_ daemon: TestDaemon, _ plant: Plant) {
        daemon.gates.before = { [clock = plant.clock] call, _ in
            if call != .wait { clock.advance(milliseconds: 20) }
        }
    }

    private func isDrained(_ plant: Plant, _ partitions: Int) -> Bool {
        (0..<partitions).allSatisfy { plant.isOpen($0) && plant.queue($0).isEmpty }
    }

    private func expectAllIssued(_ plant: Plant, _ partitions: Int, entries: Int = 40) {
        for id in 1...Int64(partitions) {
            #expect(plant.world.tables.issues[CouponID(id)]?.count == 15 + entries)
        }
        #expect(plant.world.tables.rejections.isEmpty)
    }

    @Test func `when all gates are lost one rebuild is in progress at a time, and all open`() {
        let (plant, daemons) = opened(16)
        for partition in 0..<16 { plant.loseGate(partition) }
        var most = 0
        var order: [Int] = []
        run(plant, daemons) {
            most = max(most, daemons[0].scheduler.rebuilds.count)
            order += (0..<16).filter { plant.isOpen($0) && !order.contains($0) }
            return isDrained(plant, 16)
        }
        #expect(most == 1)
        #expect(order.count == 16)
        #expect((0..<16).allSatisfy { plant.row($0).epoch == 2 })
        expectAllIssued(plant, 16)
    }

    @Test func `small rebuilds follow each other without a pause`() {
        let plant = Plant(partitions: 16)
        let daemon = plant.daemon()
        plant.run(daemon) { (0..<16).allSatisfy(plant.isOpen) }
        daemon.gates.before = { _, _ in }
        plant.world.empty()
        let start = plant.clock.now
        plant.run(daemon) { (0..<16).allSatisfy(plant.isOpen) }
        #expect(plant.clock.now.milliseconds(since: start) < 1_000)
    }

    @Test func `small rebuilds do not wait until a large one has ended`() {
        let plant = Plant(partitions: 8)
        let daemon = plant.daemon()
        plant.run(daemon) { (0..<8).allSatisfy(plant.isOpen) }
        for id in 1...Int64(8) {
            plant.offer(id, holders: id == 8 ? 8_000 : 15)
            plant.accept(5, of: id)
        }
        slowDown(daemon, plant)
        // The large one begins first.
        plant.loseGate(0)
        plant.run(daemon) { daemon.scheduler.rebuilds[PartitionID(0)] != nil }
        let start = plant.clock.now
        for partition in 1..<8 { plant.loseGate(partition) }
        plant.run(daemon) { (1..<8).allSatisfy(plant.isOpen) }
        #expect(!plant.isOpen(0), "it has much more to load")
        plant.run(daemon, turns: 5_000) { isDrained(plant, 8) }
        #expect(plant.clock.now.milliseconds(since: start) > 8_000)
    }

    @Test func `large gates open one by one`() {
        let plant = Plant(partitions: 4)
        let daemon = plant.daemon()
        plant.run(daemon) { (0..<4).allSatisfy(plant.isOpen) }
        for id in 1...Int64(4) {
            plant.offer(id, holders: 2_000)
            plant.accept(5, of: id)
        }
        slowDown(daemon, plant)
        for partition in 0..<4 { plant.loseGate(partition) }
        let start = plant.clock.now
        plant.run(daemon, turns: 6_000) { (0..<4).contains(where: plant.isOpen) }
        let first = plant.clock.now.milliseconds(since: start)
        plant.run(daemon, turns: 6_000) { (0..<4).allSatisfy(plant.isOpen) }
        // With equal turns the first one would open shortly before the last.
        #expect(first * 3 < 2 * plant.clock.now.milliseconds(since: start))
    }

    @Test func `after a long transaction a rebuild does not keep the session silent`() {
        let plant = Plant(partitions: 8)
        let daemon = plant.daemon()
        let (ledger, clock) = (daemon.ledger, plant.clock)
        plant.run(daemon) { (0..<8).allSatisfy(plant.isOpen) }
        for id in 1...Int64(8) {
            plant.offer(id, holders: id == 8 ? 2_000 : 15)
            plant.accept(id == 8 ? 1_000 : 100, of: id)
        }
        // PostgreSQL ends a session that is silent for two seconds.
        var spoken = clock.now
        var (silence, isLong) = (Int64(0), true)
        ledger.before = { call, _ in
            silence = max(silence, clock.now.milliseconds(since: spoken))
            if call == .issue, isLong { clock.advance(milliseconds: 16_000) }
            if call == .issue { isLong = false }
            spoken = clock.now
        }
        plant.loseGate(0)
        plant.run(daemon) { plant.isOpen(0) }
        #expect(!isLong && silence < 2_000)
    }

    @Test func `gates that may still accept are fenced at once, and have equal shares`() {
        let (plant, daemons) = opened(4, entries: 150)
        // More is settled than committed: PostgreSQL went back. The gates would go on accepting.
        for partition in 0...1 {
            plant.world.redis[PartitionID(partition)].gate?.settled = Position(epoch: 1, n: 149)
        }
        var slices: [Int: Int] = [:]
        daemons[0].gates.before = { [clock = plant.clock] call, partition in
            if call == .entries, let partition { slices[partition.rawValue, default: 0] += 1 }
            if call != .wait { clock.advance(milliseconds: 12) }
        }
        run(plant, daemons) { daemons[0].scheduler.rebuilds.count == 2 }
        run(plant, daemons) { plant.isOpen(0) || plant.isOpen(1) }
        #expect(slices.keys.sorted() == [0, 1])
        #expect(abs((slices[0] ?? 0) - (slices[1] ?? 0)) <= 5)
        run(plant, daemons) { isDrained(plant, 4) }
        expectAllIssued(plant, 4, entries: 150)
    }

    @Test func `a rebuild that fails again and again holds up no other partition's`() {
        let (plant, daemons) = opened(8)
        for partition in 0..<8 { plant.loseGate(partition) }
        daemons[0].gates.before = { [clock = plant.clock] call, partition throws(BackendError) in
            if call != .wait { clock.advance(milliseconds: 4) }
            if call == .load, partition == PartitionID(1) {
                throw .redis(.refused("this one always fails"))
            }
        }
        run(plant, daemons) { (0..<8).allSatisfy { $0 == 1 || plant.isOpen($0) } }
        #expect(!plant.isOpen(1))
        daemons[0].gates.before = { _, _ in }
        run(plant, daemons) { isDrained(plant, 8) }
        expectAllIssued(plant, 8)
    }

    @Test func `two daemons share the gates that are lost at once`() {
        let (plant, daemons) = opened(16, daemons: 2)
        // The second one loses its session, so the first one owns all partitions when the gates are lost.
        daemons[1].ledger.loseSession()
        run(plant, [daemons[0]]) { daemons[0].scheduler.owned.count == 16 }
        for partition in 0..<16 { plant.loseGate(partition) }
        var rebuilt: [Int: Set<Int>] = [:]
        for (number, daemon) in daemons.enumerated() {
            daemon.gates.before = { [clock = plant.clock] call, partition in
                if call == .open, let partition {
                    rebuilt[number, default: []].insert(partition.rawValue)
                }
                if call != .wait { clock.advance(milliseconds: 10) }
            }
        }
        run(plant, daemons) { isDrained(plant, 16) }
        #expect(rebuilt[0]?.count ?? 0 >= 5 && rebuilt[1]?.count ?? 0 >= 5, "\(rebuilt)")
        #expect((0..<16).allSatisfy { plant.row($0).epoch == 2 })
        expectAllIssued(plant, 16)
    }

    @Test func `a rebuild gets its share while other partitions drain`() {
        let (plant, daemons) = opened(8, entries: 1_000)
        plant.loseGate()
        // Transactions are long, and nobody keeps up.
        daemons[0].ledger.before = { [clock = plant.clock] call, _ in
            if call == .issue { clock.advance(milliseconds: 80) }
        }
        var issued = 0
        run(plant, daemons) { plant.isOpen() }
        for partition in 1..<8 { issued += 1_000 - plant.queue(partition).count }
        #expect(issued < 6_500, "the others have not issued all of theirs")
        run(plant, daemons) { isDrained(plant, 8) }
        expectAllIssued(plant, 8, entries: 1_000)
    }

    @Test func `an unload that fails delays no other partition's`() {
        let (plant, daemons) = opened(4, entries: 0)
        var unloaded: Set<Int> = []
        daemons[0].gates.before = { [clock = plant.clock] call, partition throws(BackendError) in
            if call != .wait { clock.advance(milliseconds: 1) }
            guard call == .unload, let partition else { return }
            if partition == PartitionID(0) { throw .redis(.refused("this one always fails")) }
            unloaded.insert(partition.rawValue)
        }
        run(plant, daemons) { unloaded == [1, 2, 3] }
        // Each second again.
        for _ in 1...3 {
            unloaded = []
            let start = plant.clock.now
            run(plant, daemons) { unloaded == [1, 2, 3] }
            #expect(plant.clock.now.milliseconds(since: start) < 3_000)
        }
    }

    @Test func `sixteen sweeps share a turn's slice of long work`() {
        let (plant, daemons) = opened(16, entries: 0)
        for partition in 0..<16 {
            let keys = plant.world.redis[PartitionID(partition)]
            for coupon in 1...60 as ClosedRange<Int64> {
                let key = ModelRedis.Key(epoch: 0, coupon: CouponID(coupon))
                plant.world.redis[PartitionID(partition)].coupons[key] = keys.coupons.values.first
            }
        }
        let other = plant.daemon()
        daemons[0].ledger.loseSession()
        var inTurn = 0
        other.gates.before = { [clock = plant.clock] call, _ in
            if call == .sweep { inTurn += 1 }
            if call != .wait { clock.advance(milliseconds: call == .sweep ? 6 : 0) }
        }
        var most = 0
        run(plant, [other]) {
            most = max(most, inTurn)
            inTurn = 0
            return (0..<16).allSatisfy { partition in
                plant.world.redis[PartitionID(partition)].coupons.keys.allSatisfy { $0.epoch > 0 }
            }
        }
        #expect(most == 2)
    }
}
