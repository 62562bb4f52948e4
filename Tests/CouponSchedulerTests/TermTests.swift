/// A partition goes to another Redis only in a later term (rule 50).
import CoreTestKit
import CouponCore
import Testing

@testable import CouponScheduler

@Suite struct TermTests {
    /// A partition that was opened in a Redis of term 3.
    private func opened() -> (Plant, TestDaemon) {
        let plant = Plant()
        plant.world.term = 3
        let daemon = plant.daemon()
        plant.run(daemon) { plant.isOpen() }
        #expect(plant.row().redisTerm == 3)
        return (plant, daemon)
    }

    /// The daemon reaches another Redis, which has nothing.
    private func move(_ plant: Plant, term: UInt64) {
        plant.world.identity = RedisIdentity(runID: "run\(term)", replicationID: "h\(term)")
        plant.world.term = term
        plant.world.empty()
    }

    @Test func `a Redis of a lower term is left alone, and reported`() {
        let (plant, daemon) = opened()
        let row = plant.row()
        move(plant, term: 2)
        for _ in 0..<2_000 { daemon.turn(plant.clock) }
        #expect(plant.row() == row)
        #expect(plant.world.redis[PartitionID(0)].gate == nil)
        #expect(daemon.scheduler.owned[PartitionID(0)]?.trouble?.contains("term 2") == true)
        // The map is right again.
        move(plant, term: 4)
        plant.run(daemon) { plant.isOpen() }
        #expect(plant.row().redisTerm == 4 && plant.row().epoch == row.epoch + 1)
        #expect(daemon.scheduler.owned[PartitionID(0)]?.trouble == nil)
    }

    @Test func `the same term is enough: the master was restarted`() {
        let (plant, daemon) = opened()
        let row = plant.row()
        plant.world.identity = RedisIdentity(runID: "run", replicationID: "restarted")
        plant.run(daemon) { plant.row() != row && plant.isOpen() }
        #expect(plant.row().redisTerm == 3)
    }

    @Test func `PostgreSQL compares the term again`() {
        let (plant, daemon) = opened()
        var later: PartitionRow?
        daemon.ledger.before = { [world = plant.world] call, _ in
            guard call == .raiseEpoch, later == nil else { return }
            // Another owner, whose map is right, was faster.
            later = world.tables.raiseEpoch(
                of: PartitionID(0), above: 0,
                node: RedisNodeState(
                    identity: RedisIdentity(runID: "later", replicationID: "h"), term: 4))
        }
        plant.world.identity = RedisIdentity(runID: "run", replicationID: "restarted")
        for _ in 0..<500 { daemon.turn(plant.clock) }
        #expect(later != nil && plant.row() == later)
        #expect(plant.world.redis[PartitionID(0)].gate?.epoch == 1)
    }

    @Test func `a Redis whose term has risen is not fenced with the old one`() {
        let (plant, daemon) = opened()
        let epoch = plant.row().epoch
        var isRaised = false
        daemon.gates.before = { [plant] call, _ in
            guard call == .fence, !isRaised else { return }
            isRaised = true
            plant.world.term = 5
        }
        plant.world.identity = RedisIdentity(runID: "run", replicationID: "restarted")
        plant.run(daemon) { plant.row().redisTerm == 5 && plant.isOpen() }
        #expect(isRaised && plant.row().epoch == epoch + 2)
    }
}
