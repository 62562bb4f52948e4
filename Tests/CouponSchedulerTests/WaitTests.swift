/// When the scheduler sleeps, and when it must not.
import CouponCore
import CouponScheduler
import Logging
import Testing

@Suite struct WaitTests {
    private let gates = FakeGates()
    private let ledger = FakeLedger()

    private func makeScheduler() -> Scheduler {
        let clocks = Clocks(
            now: { MonotonicTime(nanoseconds: 0) }, wallNow: { .zero },
            pause: { milliseconds in
                if milliseconds > 0 { Testing.Issue.record("it sleeps outside of Redis") }
            })
        return Scheduler(
            ledger: ledger, gates: gates,
            options: SchedulerOptions(partitioning: Partitioning(count: 1), clocks: clocks),
            logger: Logger(label: "test"))
    }

    @Test func `with nothing to issue it sleeps in Redis, up to the next heartbeat`() {
        let scheduler = makeScheduler()
        scheduler.turn()
        #expect(gates.waits == [250])
        #expect(ledger.issued == [])
    }

    @Test func `what waits is issued, and only then it sleeps`() {
        let scheduler = makeScheduler()
        gates.accept()
        gates.accept()
        for _ in 1...2 { scheduler.turn() }
        #expect(ledger.issued == [2])
        #expect(gates.waits.last == 250)
        #expect(gates.waits.dropLast().allSatisfy { $0 == 0 })
    }

    /// The partition is not among those waited for then: its entries would wake nobody.
    @Test func `work that a heartbeat finds is not slept over`() {
        let scheduler = makeScheduler()
        gates.beforeHeartbeat = { [unowned gates] in
            if gates.items.isEmpty { gates.accept() }
        }
        scheduler.turn()
        #expect(gates.waits.allSatisfy { $0 == 0 })
        scheduler.turn()
        #expect(ledger.issued == [1])
    }
}
