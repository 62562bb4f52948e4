import CouponCore
import Synchronization
import Testing

/// What a worker may say of a request whose gate call was cut, and when it may say it (promise 9).
@Suite struct CutCallTests {
    private let world = CutWorld()

    @Test(arguments: [
        GateAnswer.stale(.fenced, epoch: 1), .unavailable("Redis is loading"), .exhausted,
        .rolledBack,
    ]) func `after a cut only a verdict says that it was not accepted`(second: GateAnswer) {
        world.ask()
        world.answer(.interrupted("cut"))
        world.answer(second)
        #expect(world.failures == [.unknown])
    }

    @Test func `a cut request is not bounced, for it may be a holder's`() {
        world.worker.hear(.up)
        world.ask()
        world.answer(.interrupted("cut"))
        world.worker.hear(
            .event(
                CompletionEvent(
                    partition: PartitionID(0), epoch: 1, from: .zero, to: .zero, resolve: false,
                    coupons: [
                        .init(coupon: CouponID(1), rev: 9, version: 1, door: .closed(.soldOut))
                    ], rejections: [])))
        world.answer(.notLoaded)
        world.worker.didLoad(CouponID(1), .loaded)
        world.worker.pump()
        #expect(world.outcomes.isEmpty && world.sent.count == 1)
    }

    @Test func `a request after a long idle time has its whole deadline`() {
        world.worker.pump()
        world.pass(600_000)
        world.ask()
        world.pass(8)
        world.worker.expire()
        #expect(world.failures.isEmpty)
        world.pass(2_016)
        world.worker.expire()
        #expect(world.failures.count == 1)
    }

    @Test func `while Redis is away nobody waits for a call that was cut`() {
        for coupon in 1...3 { world.ask(coupon: Int64(coupon)) }
        world.gate.identity = nil
        world.worker.pump()
        #expect(world.failures == [.notAccepted])
    }
}

/// A worker between a gate that records and a host that records.
private final class CutWorld: WorkerHost {
    final class RecordingGate: Gate {
        var identity: RedisIdentity? = RedisIdentity(runID: "a", replicationID: "b")
        weak var delegate: (any GateDelegate)?
        var sent: [GateCall] = []
        func send(_ call: GateCall) { sent.append(call) }
        func close() {}
    }

    private final class Milliseconds: Sendable {
        let value = Atomic<Int64>(0)
    }

    let gate = RecordingGate()
    private let milliseconds = Milliseconds()
    private(set) lazy var worker: Worker = {
        let milliseconds = self.milliseconds
        let clocks = Clocks(
            now: {
                MonotonicTime(
                    nanoseconds: milliseconds.value.load(ordering: .relaxed) * 1_000_000)
            }, wallNow: { .zero }, pause: { _ in })
        let worker = Worker(
            gate: gate, host: self,
            options: WorkerOptions(
                partitioning: Partitioning(count: 1), seed: 1, clocks: clocks))
        worker.take(rows: [
            PartitionRow(
                id: PartitionID(0), epoch: 1, cursor: .zero, identity: gate.identity, installID: "i"
            )
        ])
        return worker
    }()
    var outcomes: [Outcome] = []
    var failures: [Acceptance] = []

    func pass(_ step: Int64) { milliseconds.value.add(step, ordering: .relaxed) }

    var sent: [GateCall] { gate.sent }

    func ask(coupon: Int64 = 1) {
        worker.issue(
            CouponID(coupon), user: UserID(1), requestID: RequestID(high: 1, low: 1, length: 16),
            attempt: 0, waitsForIssue: false, deadlineMilliseconds: 2_000,
            caller: Caller(connection: 0, request: 0))
        worker.pump()
    }

    /// Answers the oldest call, and lets the worker send what follows.
    func answer(_ answer: GateAnswer) {
        worker.gate(didAnswer: gate.sent.removeFirst(), with: answer)
        worker.pump()
    }

    func answer(_: Caller, _ outcome: Outcome) { outcomes.append(outcome) }
    func fail(_: Caller, _ failure: Failure) { failures.append(failure.acceptance) }
    func schedulePump() {}
    func load(_: CouponID) {}
    func refreshPartitions() {}
    func decide(_: [Holding], in: PartitionID) {}
}
