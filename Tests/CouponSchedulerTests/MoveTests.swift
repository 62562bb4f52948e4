/// A queue has an entry whose id cannot come from a gate: a rebuild copies the queue in slices before it
/// reads it (rule 45).
import CouponCore
import CoreTestKit
import Testing

@testable import CouponScheduler

@Suite struct MoveTests {
    private let partition = PartitionID(0)

    /// An open gate with entries, and another program's entry after them.
    private func foreign(
        partitions: Int = 1, entries: Int = 120
    ) -> (Plant, TestDaemon) {
        let plant = Plant(partitions: partitions)
        let daemon = plant.daemon { $0.slices.entries = 7 }
        plant.run(daemon) { (0..<partitions).allSatisfy(plant.isOpen) }
        plant.offer(8)
        plant.accept(entries)
        plant.world.redis.addForeignEntry(partition)
        return (plant, daemon)
    }

    private func isDrained(_ plant: Plant) -> Bool {
        plant.isOpen() && plant.queue().isEmpty && plant.world.redis[partition].foreign.isEmpty
            && plant.row().cursor.epoch == plant.row().epoch
    }

    private func expectAllIssued(_ plant: Plant, _ count: Int, epoch: Epoch) {
        #expect(plant.world.tables.issues[CouponID(8)]?.count == count)
        #expect(plant.world.tables.rejections.isEmpty)
        #expect(plant.row().epoch == epoch)
    }

    @Test func `a rebuild reads the queue only after it has moved`() {
        let (plant, daemon) = foreign()
        var reads = 0
        daemon.gates.before = { [world = plant.world, clock = plant.clock] call, _ in
            if call != .wait { clock.advance(milliseconds: 4) }
            guard call == .entries else { return }
            reads += 1
            #expect(world.redis[PartitionID(0)].foreign.isEmpty)
        }
        plant.run(daemon) { isDrained(plant) }
        #expect(reads > 0 && daemon.gates.count(of: .move) >= 18)
        expectAllIssued(plant, 120, epoch: 2)
    }

    @Test func `other partitions have their turns while a queue moves`() {
        let (plant, daemon) = foreign(partitions: 2, entries: 400)
        plant.offer(9)
        plant.run(daemon) { daemon.scheduler.rebuilds[partition]?.move != nil }
        var turns = 0
        while daemon.scheduler.rebuilds[partition]?.move != nil, turns < 2_000 {
            plant.accept(of: 9)
            daemon.turn(plant.clock)
            #expect(plant.queue(1).count <= 1, "what was accepted a turn ago is issued")
            turns += 1
        }
        #expect((10..<2_000).contains(turns), "it took many slices")
        plant.run(daemon) { isDrained(plant) }
        expectAllIssued(plant, 400, epoch: 2)
    }

    /// It comes while the queue is read: before each read once more.
    @Test(arguments: [1, 4, 9, 13])
    func `a foreign entry that comes during a rebuild is removed, in the same epoch`(
        beforeRead number: Int
    ) {
        let plant = Plant()
        let daemon = plant.daemon { $0.slices.entries = 7 }
        plant.run(daemon) { plant.isOpen() }
        plant.offer(8)
        plant.accept(60)
        plant.loseGate()
        var reads = 0
        daemon.gates.before = { [world = plant.world, clock = plant.clock] call, _ in
            if call != .wait { clock.advance(milliseconds: 4) }
            guard call == .entries else { return }
            reads += 1
            if reads == number { world.redis.addForeignEntry(PartitionID(0)) }
        }
        plant.run(daemon) { isDrained(plant) }
        #expect(reads > number)
        expectAllIssued(plant, 60, epoch: 2)
    }

    @Test func `a move continues after a failed call`() {
        let (plant, daemon) = foreign()
        var failures = 0
        daemon.gates.before = { [clock = plant.clock] call, _ throws(BackendError) in
            if call != .wait { clock.advance(milliseconds: 4) }
            guard call == .move, failures < 6 else { return }
            failures += 1
            if failures % 2 == 0 { throw .redis(.unavailable("the connection broke")) }
        }
        plant.run(daemon) { isDrained(plant) }
        #expect(failures == 6)
        expectAllIssued(plant, 120, epoch: 2)
    }

    @Test func `a slice whose answer was lost is not copied twice`() {
        let (plant, daemon) = foreign()
        var calls = 0
        daemon.gates.after = { call, _ throws(BackendError) in
            guard call == .move else { return }
            calls += 1
            if calls % 3 == 1, calls < 12 { throw .redis(.unavailable("the answer was lost")) }
        }
        plant.run(daemon) { isDrained(plant) }
        #expect(calls > 12)
        expectAllIssued(plant, 120, epoch: 2)
    }

    /// What the first one has copied is removed by the second one's fence.
    @Test func `another daemon's rebuild moves the whole queue again`() {
        let (plant, first) = foreign()
        let second = plant.daemon { $0.slices.entries = 7 }
        plant.run(first) { plant.world.redis[partition].copy.count > 20 }
        first.ledger.loseSession()
        plant.run(second) { isDrained(plant) }
        for _ in 0..<50 { first.turn(plant.clock) }
        plant.run(first, second) { isDrained(plant) }
        expectAllIssued(plant, 120, epoch: 3)
    }
}
