/// Trouble with one partition is its own: the session stays, and the other partitions are served.
import CouponCore
import CoreTestKit
import Testing

@testable import CouponScheduler

@Suite struct IssuingTests {
    private let plant = Plant(partitions: 2)

    /// Both partitions are open, with a coupon each: 8 and 9.
    private func open(requestsPerTransaction: Int = 64) -> TestDaemon {
        let daemon = plant.daemon(requestsPerTransaction: requestsPerTransaction)
        plant.run(daemon) { plant.isOpen(0) && plant.isOpen(1) }
        plant.offer(8)
        plant.offer(9)
        return daemon
    }

    /// Serves both partitions for a while, and checks that the second one never waits.
    private func play(_ daemon: TestDaemon, seconds: Int64) {
        let end = plant.clock.now.advanced(byMilliseconds: seconds * 1_000)
        while plant.clock.now < end {
            plant.accept(of: 9)
            for _ in 0..<2 { daemon.turn(plant.clock) }
            #expect(plant.queue(1).isEmpty)
        }
    }

    @Test
    func `a batch that takes too long is halved until it passes, and other partitions do not wait`()
    {
        let daemon = open()
        plant.accept(200)
        var sizes: [Int] = []
        daemon.ledger.beforeBatch = { batch throws(BackendError) in
            guard batch.partition == PartitionID(0), !batch.items.isEmpty else { return }
            sizes.append(batch.items.count)
            if batch.items.count > 10 { throw .postgres(.tooSlow("57014")) }
        }
        let joins = daemon.ledger.joins
        play(daemon, seconds: 30)
        #expect(sizes.prefix(4) == [64, 32, 16, 8])
        #expect(sizes.dropFirst(4).allSatisfy { $0 <= 8 })
        #expect(plant.queue(0).isEmpty)
        #expect(plant.world.tables.issues[CouponID(8)]?.count == 200)
        #expect(daemon.ledger.joins == joins, "the session stays")
    }

    @Test func `an entry that takes too long by itself gets more time, and other partitions go on`()
    {
        let daemon = open(requestsPerTransaction: 1)
        plant.accept(3)
        var times: [Int] = []
        daemon.ledger.beforeBatch = { batch throws(BackendError) in
            guard batch.partition == PartitionID(0), !batch.items.isEmpty else { return }
            times.append(batch.statementMilliseconds)
            if batch.statementMilliseconds < 4_000 { throw .postgres(.tooSlow("57014")) }
        }
        play(daemon, seconds: 60)
        #expect(times.prefix(3) == [1_000, 2_000, 4_000])
        #expect(times.dropFirst(3).allSatisfy { $0 == 4_000 }, "it is remembered for a minute")
        #expect(plant.queue(0).isEmpty)
    }

    @Test(
        arguments: [
            .postgres(.failed("53100: no space left on device")), .postgres(.busy("55P03")),
            .postgres(.tooSlow("57014")),
            .postgres(.refused("XX000")),
        ] as [BackendError])
    func `a partition that cannot be issued backs off, more and more, and recovers`(
        _ error: BackendError
    ) {
        let daemon = open()
        plant.accept(20)
        var tries: [Int64] = []
        daemon.ledger.beforeBatch = { [clock = plant.clock] batch throws(BackendError) in
            guard batch.partition == PartitionID(0) else { return }
            tries.append(clock.now.nanoseconds / 1_000_000)
            throw error
        }
        let joins = daemon.ledger.joins
        play(daemon, seconds: 60)
        #expect((10...30).contains(tries.count))
        let pauses = zip(tries.dropFirst(), tries).map { $0 - $1 }
        #expect(pauses.allSatisfy { $0 <= 5_200 })
        #expect(pauses.suffix(3).allSatisfy { $0 >= 2_500 })
        #expect(daemon.ledger.joins == joins, "the session stays")
        daemon.ledger.beforeBatch = { _ in }
        play(daemon, seconds: 90)
        #expect(plant.queue(0).isEmpty)
        #expect(plant.world.tables.issues[CouponID(8)]?.count == 20)
    }

    @Test func `a slow partition rests between its batches while others have something to issue`() {
        let daemon = open(requestsPerTransaction: 4)
        plant.accept(200)
        var spent: Int64 = 0
        daemon.ledger.beforeBatch = { [clock = plant.clock] batch in
            guard batch.partition == PartitionID(0) else { return }
            clock.advance(milliseconds: 400)
            spent += 400
        }
        let start = plant.clock.now
        play(daemon, seconds: 60)
        let all = plant.clock.now.milliseconds(since: start)
        #expect(spent > 0 && spent <= all / 6, "it costs the others a seventh of the time")
    }

    @Test func `a partition that the only Redis has held up does not rest`() {
        let daemon = open(requestsPerTransaction: 4)
        plant.accept(200)
        var isHeldUp = false
        let before = daemon.gates.before
        daemon.gates.before = { [clock = plant.clock] call, partition throws(BackendError) in
            try before(call, partition)
            guard call == .settle, partition == PartitionID(0), !isHeldUp else { return }
            isHeldUp = true
            clock.advance(milliseconds: 4_000)
        }
        play(daemon, seconds: 20)
        #expect(isHeldUp && plant.queue(0).isEmpty, "it rested for 24 s")
    }

    @Test func `a transaction has a thousand coupons at most`() {
        let daemon = plant.daemon(requestsPerTransaction: 5_000) {
            // Partition 1 keeps up at first: the transaction that opened its gate counts.
            $0.slices.couponsBesideOthers = Limits.couponsPerTransaction
        }
        plant.run(daemon) { plant.isOpen(0) && plant.isOpen(1) }
        // Of the first partition, by even ids.
        for id in 1...1_500 as ClosedRange<Int64> {
            plant.offer(100 + 2 * id)
            plant.accept(of: 100 + 2 * id)
        }
        plant.run(daemon) { plant.queue(0).isEmpty }
        let coupons = daemon.ledger.batches.map(\.couponIDs.count).filter { $0 > 0 }
        #expect(coupons == [1_000, 500])
    }

    @Test func `coupons that are over leave when their time has come, a few at a time`() {
        let daemon = open()
        plant.world.redis.retention = 2_000
        for id in 10...16 as ClosedRange<Int64> {
            plant.offer(2 * id, total: 2, holders: 2)
        }
        func held() -> Int { plant.world.redis[PartitionID(0)].coupons.count }
        let start = plant.clock.now
        var counts = [held()]
        plant.run(daemon) {
            if held() != counts.last { counts.append(held()) }
            return held() == 1
        }
        #expect(counts == [8, 5, 2, 1], "three in a slice, and the one that is on offer stays")
        #expect((2_000...4_000).contains(plant.clock.now.milliseconds(since: start)))
    }
}
