/// Partitions that move between the issuing lanes of a daemon (rule 49).
import CouponCore
import CoreTestKit
import Testing

@testable import CouponScheduler

@Suite struct LaneTests {
    private let plant = Plant(partitions: 2)
    private let (first, second): (TestDaemon, TestDaemon)
    private let lending = Lending(lanes: 2)

    /// Two lanes of one daemon. Coupon 8 is in partition 0, coupon 9 in partition 1.
    init() {
        let (plant, lending) = (plant, lending)
        let lanes = [0, 1].map { lane in
            plant.daemon(requestsPerTransaction: 10) { options in
                (options.lane, options.lending) = (lane, lending)
            }
        }
        (first, second) = (lanes[0], lanes[1])
    }

    private func open() {
        // The first rebuilds may have lent one of them.
        plant.run(first, second, turns: 4_000) {
            plant.isOpen(0) && plant.isOpen(1) && has(first, 0) && has(first, 1)
        }
        // Moving their cursors to the new epochs was a transaction of each.
        for _ in 0..<400 { for lane in [first, second] { lane.turn(plant.clock) } }
        plant.offer(8)
        plant.offer(9)
    }

    /// The partitions in which a lane has issued something.
    private func partitionsIssued(by lane: TestDaemon) -> Set<Int> {
        Set(lane.ledger.batches.lazy.filter { !$0.items.isEmpty }.map(\.partition.rawValue))
    }

    private func owner(_ partition: Int) -> ObjectIdentifier? {
        plant.world.owners[PartitionID(partition)]
    }

    private func has(_ daemon: TestDaemon, _ partition: Int) -> Bool {
        owner(partition) == ObjectIdentifier(daemon.ledger)
    }

    /// Turns of both lanes, with a request for partition 1 in each.
    private func play(
        turns: Int = 4_000, both: Bool = true, sourceLocation: SourceLocation = #_sourceLocation,
        until isDone: () -> Bool
    ) {
        for _ in 0..<turns {
            if isDone() { return }
            plant.accept(of: 9)
            first.turn(plant.clock)
            if both { second.turn(plant.clock) }
        }
        #expect(isDone(), "not within \(turns) turns", sourceLocation: sourceLocation)
    }

    /// Partition 0 has a long queue, and is lent.
    private func lend() {
        open()
        plant.accept(5_000)
        play { has(second, 0) }
    }

    @Test func `a partition with a backlog goes to another lane and, once it is drained, back`() {
        lend()
        #expect(has(first, 1))
        let issued = first.ledger.batches.count { $0.partition == PartitionID(0) }
        play(turns: 10_000) { plant.queue(0).isEmpty }
        #expect(has(second, 0) && has(first, 1))
        #expect(first.ledger.batches.count { $0.partition == PartitionID(0) } == issued)
        #expect(partitionsIssued(by: second) == [0])
        #expect(plant.world.tables.issues[CouponID(8)]?.count == 5_000)
        play { has(first, 0) }
        let before = plant.world.tables.issues[CouponID(8)]?.count ?? 0
        plant.accept()
        play { plant.world.tables.issues[CouponID(8)]?.count == before + 1 }
    }

    @Test func `the partitions of a node that hangs go to another lane together`() {
        let (plant, lending) = (Plant(partitions: 4), Lending(lanes: 2))
        let lanes = [0, 1].map { lane in
            plant.daemon(requestsPerTransaction: 10) { options in
                (options.lane, options.lending) = (lane, lending)
            }
        }
        let hung = Set([0, 2, 3].map { PartitionID($0) })
        var reads = 0
        var isHanging = false
        for (number, lane) in lanes.enumerated() {
            for partition in plant.world.partitioning.all {
                lane.gates.nodes[partition] = RedisNode.ID(hung.contains(partition) ? "a" : "b")
            }
            let before = lane.gates.before
            lane.gates.before = { [clock = plant.clock] call, partition throws(BackendError) in
                guard isHanging, let partition, hung.contains(partition) else {
                    return try before(call, partition)
                }
                if number == 0, call == .read { reads += 1 }
                clock.advance(milliseconds: 1_000)
                throw .redis(.unavailable("no answer"))
            }
        }
        plant.run(lanes[0], lanes[1], turns: 8_000) {
            (0..<4).allSatisfy { plant.isOpen($0) }
                && plant.world.owners.values.allSatisfy { $0 == ObjectIdentifier(lanes[0].ledger) }
        }
        plant.offer(9)
        isHanging = true
        for _ in 0..<400 {
            plant.accept(of: 9)
            for lane in lanes { lane.turn(plant.clock) }
        }
        let lent = plant.world.owners.filter { $0.value == ObjectIdentifier(lanes[1].ledger) }
        #expect(Set(lent.keys) == hung)
        #expect(reads < 2 * hung.count, "two attempts for each, if each were lent alone")
    }

    @Test func `a partition with a backlog stays while no other has anything to issue`() {
        open()
        plant.accept(5_000)
        plant.run(first, second) { plant.queue(0).isEmpty }
        #expect(partitionsIssued(by: second) == [])
    }

    @Test func `of two partitions with a backlog one is lent`() {
        open()
        plant.accept(5_000, of: 8)
        plant.accept(5_000, of: 9)
        plant.run(first, second) { has(second, 0) || has(second, 1) }
        plant.run(first, second) { plant.queue(0).isEmpty && plant.queue(1).isEmpty }
        #expect(partitionsIssued(by: second).count == 1)
    }

    @Test func `a rebuild goes on in the other lane, in the same epoch`() {
        open()
        plant.accept(2_000)
        plant.loseGate()
        let epoch = plant.row().epoch
        play { has(second, 0) }
        #expect(!plant.isOpen(), "it is lent before it is open")
        play { plant.isOpen() }
        #expect(plant.row().epoch == epoch + 1)
        #expect(has(second, 0))
    }

    /// Found by the simulator: two daemons took over each other's rebuild again and again.
    @Test func `a rebuild is not lent while another daemon could claim it in between`() {
        let (plant, lending, other) = (plant, lending, plant.daemon())
        let lanes = [0, 1].map { lane in
            plant.daemon { options in
                (options.lane, options.lending, options.lendsEagerly) = (lane, lending, true)
            }
        }
        plant.run(lanes[0], lanes[1], other, turns: 8_000) {
            plant.isOpen(0) && plant.isOpen(1) && (has(other, 0) || has(other, 1))
                && (has(lanes[0], 0) || has(lanes[0], 1))
        }
        let own = has(other, 0) ? 1 : 0
        plant.offer(8)
        plant.offer(9)
        plant.accept(2_000, of: own == 0 ? 8 : 9)
        plant.loseGate(own)
        let epoch = plant.row(own).epoch
        var isLent = false
        plant.run(lanes[0], lanes[1], other, turns: 8_000) {
            isLent = isLent || !plant.isOpen(own) && has(lanes[1], own)
            return plant.row(own).epoch > epoch && plant.isOpen(own)
        }
        #expect(!isLent && plant.row(own).epoch == epoch + 1)
    }

    @Test func `lent partitions count as the daemon's share`() throws {
        lend()
        let other = plant.daemon()
        plant.run(first, second, other) { has(other, 1) }
        #expect(has(second, 0))
        for _ in 0..<200 { for daemon in [first, second, other] { daemon.turn(plant.clock) } }
        #expect(has(second, 0) && has(other, 1))
    }

    @Test func `a daemon that has lent more than its share asks for some back`() {
        lend()
        lending.recall(1, of: [PartitionID(0)])
        play(turns: 100) { !has(second, 0) }
        play { has(first, 0) || has(second, 0) }
        #expect(has(first, 0))
    }

    @Test func `the first lane issues for a lane that has no session`() {
        lend()
        second.ledger.before = { _, _ throws(BackendError) in
            throw .postgres(.sessionLost("57P01"))
        }
        play { has(first, 0) }
        play(turns: 10_000) { plant.queue(0).isEmpty }
        #expect(plant.world.tables.issues[CouponID(8)]?.count == 5_000)
    }

    @Test func `a lane that loses its session for a moment keeps its partitions`() {
        lend()
        second.ledger.loseSession()
        play { has(second, 0) }
        #expect(second.ledger.joins == 2)
    }

    @Test func `the first lane takes the partitions of a lane that hangs, and keeps them`() {
        lend()
        // PostgreSQL ends its session.
        second.ledger.loseSession()
        let issued = second.ledger.batches.count
        play(turns: 40_000, both: false) { has(first, 0) }
        play(both: false) { plant.world.tables.issues[CouponID(8)]?.count == 5_000 }
        #expect(second.ledger.batches.count == issued)
        #expect(has(first, 1))
    }
}
