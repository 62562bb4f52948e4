/// When the scheduler sleeps, where, and for how long.
import CoreTestKit
import CouponCore
import CouponScheduler
import Logging
import Synchronization
import Testing

@Suite struct WaitTests {
    /// Records the pauses outside of Redis, where nothing wakes the scheduler.
    private final class Pauses: Sendable {
        let longest = Atomic<Int>(0)
    }

    private let gates = FakeGates()
    private let ledger = FakeLedger()
    private let clock = VirtualClock()
    private let pauses = Pauses()

    private var longestPause: Int { pauses.longest.load(ordering: .relaxed) }

    private func makeScheduler(
        partitions: Int = 1, reportTrouble: @escaping @Sendable (String?) -> Void = { _ in }
    ) -> Scheduler {
        var options = SchedulerOptions(
            partitioning: Partitioning(count: partitions), checkMilliseconds: 100,
            clocks: Clocks(
                now: { [clock] in clock.now }, wallNow: { .zero },
                pause: { [pauses] in pauses.longest.max($0, ordering: .relaxed) }))
        options.reportTrouble = reportTrouble
        return Scheduler(
            ledger: ledger, gates: gates, options: options, logger: Logger(label: "test"))
    }

    @Test func `with nothing to issue the scheduler sleeps in Redis, up to the next heartbeat`() {
        let scheduler = makeScheduler()
        for _ in 1...2 { scheduler.turn() }  // the first one sweeps
        #expect(gates.waits == [100])
        #expect(ledger.issued == [])
    }

    @Test func `the scheduler issues queued entries before it sleeps`() {
        let scheduler = makeScheduler()
        gates.accept()
        gates.accept()
        for _ in 1...3 { scheduler.turn() }
        #expect(ledger.issued == [2])
        #expect(gates.waits.last == 100)
        #expect(gates.waits.dropLast().allSatisfy { $0 == 0 })
    }

    /// The scheduler does not wait for a partition whose heartbeat has found work, so its entries would not
    /// wake the scheduler.
    @Test func `work that a heartbeat finds ends the sleep`() {
        let scheduler = makeScheduler()
        gates.beforeHeartbeat = { [unowned gates] in
            if gates.items.isEmpty { gates.accept() }
        }
        for _ in 1...2 { scheduler.turn() }
        #expect(gates.waits.allSatisfy { $0 == 0 })
        #expect(longestPause == 0)
        scheduler.turn()
        #expect(ledger.issued == [1])
    }

    @Test func `the sleep ends with the back-off, not with the next heartbeat`() {
        let scheduler = makeScheduler()
        scheduler.turn()
        gates.accept()
        gates.isOvertaken = true
        for _ in 1...2 { scheduler.turn() }
        #expect(ledger.issued == [1])
        #expect((25...50).contains(longestPause))
    }

    @Test func `the reason why a partition waits is reported, and its end`() {
        final class Reports: Sendable {
            let texts = Mutex<[String?]>([])
        }
        let reports = Reports()
        let scheduler = makeScheduler { text in reports.texts.withLock { $0.append(text) } }
        scheduler.turn()
        gates.broken = PartitionID(0)
        gates.accept()
        for _ in 1...3 {
            clock.advance(milliseconds: 6_000)
            scheduler.turn()
        }
        gates.broken = nil
        for _ in 1...2 {
            clock.advance(milliseconds: 6_000)
            scheduler.turn()
        }
        let texts = reports.texts.withLock { $0 }
        #expect(texts.count == 2 && texts[0]?.contains("WRONGTYPE") == true && texts[1] == nil)
    }

    @Test func `a failed partition does not stop another one from waking the scheduler`() {
        let scheduler = makeScheduler(partitions: 2)
        gates.broken = PartitionID(1)
        for _ in 1...2 { scheduler.turn() }
        clock.advance(milliseconds: 60)
        scheduler.turn()
        #expect(gates.waits.count == 2)
        #expect(longestPause == 0)
    }

    @Test func `partitions of other nodes go on while a node is away`() {
        let scheduler = makeScheduler(partitions: 2)
        gates.homes[PartitionID(1)] = RedisNode.ID("two")
        for _ in 1...2 { scheduler.turn() }
        gates.away = [RedisNode.ID("two")]
        clock.advance(milliseconds: 6_000)
        gates.accept()
        for _ in 1...2 { scheduler.turn() }
        #expect(ledger.issued == [1])
        var heartbeats = 0
        gates.beforeHeartbeat = { heartbeats += 1 }
        clock.advance(milliseconds: 100)
        scheduler.turn()
        #expect(heartbeats == 1)
    }

    /// There is something to issue, and steps fail until the back-off has reached its longest.
    private func failOften(_ scheduler: Scheduler) {
        gates.accept()
        for _ in 1...8 {
            clock.advance(milliseconds: 6_000)
            scheduler.turn()
        }
    }

    @Test func `a partition that another node has now is served at once, whatever its back-off`() {
        let scheduler = makeScheduler()
        gates.homes[PartitionID(0)] = RedisNode.ID("one")
        gates.away = [RedisNode.ID("one")]
        failOften(scheduler)
        scheduler.turn()
        #expect(ledger.issued == [], "it waits for its node")
        gates.homes[PartitionID(0)] = RedisNode.ID("two")
        scheduler.turn()
        #expect(ledger.issued == [1])
    }

    /// MOVED and ASK refuse a call, and the topology may be read before the call has failed.
    @Test func `a failure that brings the news of another node costs no back-off`() {
        let scheduler = makeScheduler()
        gates.homes[PartitionID(0)] = RedisNode.ID("one")
        gates.away = [RedisNode.ID("one")]
        failOften(scheduler)
        gates.whenAway = { [unowned gates] in gates.homes[PartitionID(0)] = RedisNode.ID("two") }
        clock.advance(milliseconds: 6_000)
        for _ in 1...2 { scheduler.turn() }
        #expect(ledger.issued == [1])
    }

    @Test func `a partition that no node had is served as soon as one has it`() {
        let scheduler = makeScheduler()
        gates.homeless = [PartitionID(0)]
        failOften(scheduler)
        #expect(ledger.issued == [])
        gates.homeless = []
        scheduler.turn()
        #expect(ledger.issued == [1])
    }
}
