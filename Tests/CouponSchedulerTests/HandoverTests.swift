/// A partition whose owner does not reach its node goes to a daemon that does (rule 56).
import CoreTestKit
import CouponCore
import Testing

@testable import CouponScheduler

@Suite struct HandoverTests {
    private let plant = Plant(partitions: 4)
    private let daemons: [TestDaemon]
    /// Partitions 0 and 1 are at the first node, 2 and 3 at the second one.
    private let a = RedisNode.ID("a")
    private let b = RedisNode.ID("b")

    init() { daemons = Self.daemons(3, plant) }

    private static func daemons(_ count: Int, _ plant: Plant) -> [TestDaemon] {
        (0..<count).map { _ in
            let daemon = plant.daemon()
            for partition in plant.world.partitioning.all {
                daemon.gates.nodes[partition] = RedisNode.ID(partition.rawValue < 2 ? "a" : "b")
            }
            return daemon
        }
    }

    private var first: TestDaemon { daemons[0] }
    private var second: TestDaemon { daemons[1] }

    private func owners() -> [Int?] {
        (0..<4).map { partition in
            let owner = plant.world.owners[PartitionID(partition)]
            return daemons.firstIndex { ObjectIdentifier($0.ledger) == owner }
        }
    }

    /// Turns of some daemons for a time, or until something holds.
    private func play(
        _ daemons: [TestDaemon], seconds: Int64, until isDone: () -> Bool = { false }
    ) {
        let end = plant.clock.now.advanced(byMilliseconds: 1_000 * seconds)
        while plant.clock.now < end, !isDone() {
            for daemon in daemons { daemon.turn(plant.clock) }
        }
    }

    /// Two daemons with two partitions each: the first one has those of the first node.
    private func open() {
        play([first], seconds: 60) { (0..<4).allSatisfy { plant.isOpen($0) } }
        play([first, second], seconds: 5)
        #expect(owners() == [0, 0, 1, 1])
        plant.offer(8)
        plant.offer(9)
    }

    @Test func `a partition goes to a daemon that reaches its node, and later back`() {
        open()
        let epochs = (0..<4).map { plant.row($0).epoch }
        first.gates.away = [a]
        plant.accept(3)
        plant.accept(of: 9)
        play([first, second], seconds: 15)
        #expect(owners() == [1, 1, 1, 1])
        #expect(plant.queue(0).isEmpty && plant.queue(1).isEmpty)
        play([first, second], seconds: 60)
        #expect(owners() == [1, 1, 1, 1] && first.ledger.joins == 1)
        first.gates.away = []
        play([first, second], seconds: 10)
        #expect(owners().filter { $0 == 0 }.count == 2 && !owners().contains(nil))
        plant.accept()
        play([first, second], seconds: 2)
        #expect(plant.queue(0).isEmpty)
        #expect((0..<4).map { plant.row($0).epoch } == epochs, "nothing was rebuilt")
        #expect(plant.world.takers.isEmpty && plant.world.offers.allSatisfy { $1.isEmpty })
    }

    @Test func `a partition without an open gate goes, too, and is rebuilt`() {
        open()
        plant.loseGate(0)
        first.gates.away = [a]
        play([first, second], seconds: 20) { plant.isOpen(0) }
        #expect(plant.isOpen(0) && owners()[0] == 1)
    }

    @Test func `while nobody reaches the node nothing changes hands`() {
        open()
        for daemon in [first, second] { daemon.gates.away = [a, b] }
        var seen: Set<[Int?]> = []
        let deadline = plant.clock.now.advanced(byMilliseconds: 60_000)
        play([first, second], seconds: 60) {
            seen.insert(owners())
            return plant.clock.now >= deadline
        }
        for daemon in [first, second] { daemon.gates.away = [] }
        plant.accept()
        play([first, second], seconds: 10)
        #expect(seen == [[0, 0, 1, 1]])
        #expect(owners().filter { $0 == 0 }.count == 2 && plant.queue(0).isEmpty)
        #expect(plant.world.takers.isEmpty && plant.world.offers.allSatisfy { $1.isEmpty })
    }

    @Test func `an owner that reaches the node again when a taker comes keeps its partition`() {
        open()
        first.gates.away = [a]
        // By then it pauses between two tries for longer than between two reviews.
        play([first], seconds: 60)
        second.ledger.before = { [first] call, _ in
            if call == .lock { first.gates.away = [] }
        }
        play([first, second], seconds: 30)
        #expect(owners() == [0, 0, 1, 1])
    }

    @Test func `a daemon that does not reach the node, either, leaves the partition alone`() {
        open()
        let third = daemons[2]
        for daemon in [first, third] { daemon.gates.away = [a] }
        play([first, second], seconds: 15)
        #expect(owners() == [1, 1, 1, 1])
        var hadIt = false
        play([first, second, third], seconds: 30) {
            hadIt = hadIt || owners()[0] == 2 || owners()[1] == 2
            return false
        }
        #expect(!hadIt && owners()[2...].contains(2), "it has its share of the others")
        // The taker ends: nobody is left who reaches the node.
        second.ledger.loseSession()
        play([first, third], seconds: 10)
        #expect(owners()[0] == nil && owners()[1] == nil)
        third.gates.away = []
        play([first, third], seconds: 15)
        #expect(owners()[0] == 2 && owners()[1] == 2)
    }

    @Test func `a partition that fails for another reason stays`() {
        open()
        first.gates.before = { call, partition throws(BackendError) in
            guard partition == PartitionID(0), call == .read else { return }
            throw .redis(.unexpectedReply("WRONGTYPE"))
        }
        plant.accept()
        play([first, second], seconds: 30)
        #expect(owners() == [0, 0, 1, 1])
    }

    @Test func `an owner whose map leads to a Redis of a lower term gives its partitions up`() {
        plant.world.term = 3
        open()
        first.gates.oldTerm = 2
        plant.world.identity = RedisIdentity(runID: "run", replicationID: "restarted")
        func isRebuilt(_ partition: Int) -> Bool {
            plant.row(partition).identity == plant.world.identity && plant.isOpen(partition)
        }
        play([first, second], seconds: 60) { isRebuilt(0) && isRebuilt(1) }
        #expect(isRebuilt(0) && isRebuilt(1))
        #expect(owners()[0] == 1 && owners()[1] == 1)
    }

    @Test func `a new daemon gets no share of what is offered`() {
        open()
        first.gates.away = [a]
        play([first, second], seconds: 15)
        let third = daemons[2]
        play([first, second, third], seconds: 15)
        // Four partitions, two of them on top: the others own 2 and 3, one each, or one of them owns both.
        #expect(owners()[0] == 1 && owners()[1] == 1)
        #expect(!owners()[2...].contains(0))
    }

    @Test func `what is offered again within a minute comes back later`() {
        open()
        var times: [Int64] = []
        var hasIt = false
        let begin = plant.clock.now
        // It reaches the nodes by a look, and never by a step.
        first.gates.before = { [world = plant.world, first] call, partition throws(BackendError) in
            guard let partition, call == .read,
                world.owners[partition] == ObjectIdentifier(first.ledger)
            else { return }
            throw .redis(.unavailable("large answers are lost"))
        }
        play([first, second], seconds: 200) {
            let has = owners()[3] == 0
            if has, !hasIt { times.append(plant.clock.now.milliseconds(since: begin)) }
            hasIt = has
            return false
        }
        let pauses = zip(times.dropFirst(), times).map { $0 - $1 }
        #expect(pauses.count >= 2 && zip(pauses.dropFirst(), pauses).allSatisfy { $0 > $1 })
    }

    @Test func `when the taker has gone, the former owner looks at once`() {
        open()
        // It comes back later and later, as above.
        first.gates.before = { [world = plant.world, first] call, partition throws(BackendError) in
            guard let partition, call == .read,
                world.owners[partition] == ObjectIdentifier(first.ledger)
            else { return }
            throw .redis(.unavailable("large answers are lost"))
        }
        play([first, second], seconds: 150)
        play([first, second], seconds: 60) { owners() == [1, 1, 1, 1] }
        #expect(owners() == [1, 1, 1, 1])
        first.gates.before = { _, _ in }
        second.ledger.loseSession()
        play([first], seconds: 10)
        #expect(owners() == [0, 0, 0, 0])
    }

    @Test func `a taker whose session ends claims nothing without its lock`() {
        open()
        first.gates.away = [a]
        play([first, second], seconds: 30) { !plant.world.takers.isEmpty }
        var claims = 0
        second.ledger.before = { [world = plant.world, second] call, partition in
            guard call == .claim, let partition, partition.rawValue < 2 else { return }
            claims += 1
            #expect(world.takers[partition] == ObjectIdentifier(second.ledger))
        }
        second.ledger.loseSession()
        play([first, second], seconds: 15)
        #expect(claims > 0 && owners() == [1, 1, 1, 1])
    }

    @Test func `of many offered partitions many are taken together`() {
        let plant = Plant(partitions: 128)
        let (first, second) = (plant.daemon(), plant.daemon())
        plant.run(first, turns: 40_000) { (0..<128).allSatisfy { plant.isOpen($0) } }
        first.gates.away = [.single]
        var most = 0
        plant.run(first, second, turns: 40_000) {
            most = max(most, plant.world.takers.count)
            return most > Limits.partitionsTakenTogether
        }
    }

    @Test func `a partition that was not reached counts as that while it moves to another lane`() {
        let lending = Lending(lanes: 2)
        let (partition, start) = (PartitionID(0), plant.clock.now)
        var owned = Owned(partition, now: start, requestsPerTransaction: 10)
        owned.noteUnreached(since: start)
        func report(_ unreached: [PartitionID: MonotonicTime]) {
            lending.report(1, rebuilding: [], unreached: unreached, keepsUp: false, now: start)
        }
        report([:])
        lending.lend(partition, to: 1, Lending.Luggage(owned: owned, rebuild: nil))
        report([:])
        #expect(lending.unreached == [partition: start], "the lane does not have it yet")
        #expect(lending.unpack(partition, in: 1)?.owned.unreachedSince == start)
        #expect(lending.unreached == [partition: start], "the lane has not said anything")
        report([partition: start])
        lending.reportLoss(1, now: start)
        #expect(lending.unreached == [partition: start], "a lost session says nothing of the node")
        report([:])
        #expect(lending.unreached.isEmpty, "it was reached")
    }

    @Test func `partitions that a lane has reached count as long as the lane lives`() {
        let lending = Lending(lanes: 2)
        let (partition, start) = (PartitionID(0), plant.clock.now)
        lending.ask([partition])
        lending.report(1, rebuilding: [], unreached: [:], keepsUp: false, now: start)
        lending.report(reached: [partition])
        #expect(lending.reached(start) == [partition])
        let hung = start.advanced(byMilliseconds: Limits.laneTimeoutMilliseconds)
        #expect(lending.reached(hung).isEmpty)
        lending.reportLoss(1, now: start)
        let lost = start.advanced(byMilliseconds: Limits.beatTimeoutMilliseconds)
        #expect(lending.reached(lost).isEmpty)
    }

    @Test func `a partition that is with another lane goes, too`() {
        let plant = Plant(partitions: 2)
        let lending = Lending(lanes: 2)
        let lanes = [0, 1].map { lane in
            plant.daemon(requestsPerTransaction: 10) { options in
                (options.lane, options.lending) = (lane, lending)
            }
        }
        let other = plant.daemon()
        func isWith(_ daemon: TestDaemon) -> Bool {
            plant.world.owners[PartitionID(0)] == ObjectIdentifier(daemon.ledger)
        }
        plant.run(lanes[0], lanes[1], turns: 8_000) { plant.isOpen(0) && plant.isOpen(1) }
        for _ in 0..<400 { for lane in lanes { lane.turn(plant.clock) } }
        plant.offer(8)
        plant.offer(9)
        plant.accept(5_000)
        for _ in 0..<4_000 where !isWith(lanes[1]) {
            plant.accept(of: 9)
            for lane in lanes { lane.turn(plant.clock) }
        }
        #expect(isWith(lanes[1]))
        for lane in lanes { lane.gates.away = [.single] }
        plant.run(lanes[0], lanes[1], other, turns: 8_000) { isWith(other) }
        plant.run(lanes[0], lanes[1], other, turns: 8_000) { plant.queue(0).isEmpty }
        for lane in lanes { lane.gates.away = [] }
        plant.run(lanes[0], lanes[1], other, turns: 8_000) { plant.world.takers.isEmpty }
    }
}
