/// Answers that wait until replicas have them (rule 37).
import CouponCore
import CoreTestKit
import Testing

@Suite struct WorkerReplicaTests {
    private let replicas = FakeReplicas()
    private let stage: WorkerStage
    private let at = Position(epoch: 1, n: 1)
    private let other = RedisIdentity(runID: "another", replicationID: "history")

    init() { stage = WorkerStage(replicas: replicas) }

    private func answer(_ count: Int, _ identity: RedisIdentity = redis) {
        replicas.answer(ReplicaAnswer(count: count, identity: identity))
    }

    /// Sends a request, and the gate judges it.
    private func ask(_ verdict: GateVerdict, waits: Bool = false, settled: Position = .zero)
        -> UInt64
    {
        let request = stage.issue(waits: waits)
        stage.endTurn()
        stage.reply([verdict], settled: settled)
        return request
    }

    @Test func `an acceptance is answered when enough replicas have it`() {
        let request = ask(.accepted(sequence: 7, position: at))
        #expect(stage.end(request) == nil && replicas.isAsked)
        answer(2)
        #expect(stage.outcome(request) == .accepted(sequence: 7))
    }

    @Test(arguments: [1, 0, nil])
    func `with too few replicas a request is unknown, never refused`(count: Int?) {
        let request = ask(.accepted(sequence: 7, position: at))
        replicas.answer(count.map { ReplicaAnswer(count: $0, identity: redis) })
        let failure = stage.failure(request)
        #expect(failure?.code == .unavailable && failure?.acceptance == .unknown)
        #expect(failure?.retryAfterMilliseconds != nil)
        #expect(failure?.message.contains("sequence 7") == true)
    }

    @Test func `the replicas of another Redis do not count`() {
        let request = ask(.accepted(sequence: 7, position: at))
        answer(2, other)
        #expect(stage.failure(request)?.acceptance == .unknown)
    }

    @Test func `replays and duplicates wait for replicas, committed requests do not`() {
        let replayed = ask(.replayed(sequence: 1, position: at))
        #expect(stage.end(replayed) == nil)
        answer(2)
        #expect(stage.outcome(replayed) == .accepted(sequence: 1))
        let queued = ask(.duplicate(sequence: 1, state: .queued, position: at))
        #expect(stage.end(queued) == nil)
        answer(1)
        let failure = stage.failure(queued)
        #expect(failure?.code == .unavailable && failure?.acceptance == .notAccepted)

        let asked = replicas.questions
        let committed = ask(.replayed(sequence: 1, position: at), settled: at)
        #expect(stage.outcome(committed) == .accepted(sequence: 1))
        let issued = ask(.duplicate(sequence: 1, state: .issued, position: at), settled: at)
        #expect(stage.outcome(issued) == .duplicate(sequence: 1, state: .issued))
        let soldOut = ask(.soldOut)
        #expect(stage.outcome(soldOut) == .soldOut)
        #expect(replicas.questions == asked)
    }

    @Test func `acceptances during a question wait for the next question`() {
        let first = ask(.accepted(sequence: 1, position: at))
        let second = ask(.accepted(sequence: 2, position: Position(epoch: 1, n: 2)))
        answer(2)
        #expect(stage.outcome(first) == .accepted(sequence: 1) && stage.end(second) == nil)
        #expect(replicas.isAsked)
        answer(2)
        #expect(stage.outcome(second) == .accepted(sequence: 2))
        #expect(!replicas.isAsked && replicas.questions == 2)
    }

    @Test func `ISSUED waits for no replica`() {
        let request = ask(.accepted(sequence: 1, position: at), waits: true)
        answer(0)
        #expect(stage.end(request) == nil, "it waits for the commit")
        stage.receive(from: Position(epoch: 1, n: 0), to: at)
        guard case .issued(sequence: 1, _) = stage.outcome(request) else {
            Testing.Issue.record("\(String(describing: stage.end(request)))")
            return
        }
    }

    @Test(arguments: [true, false])
    func `at its deadline a waiter gets accepted if replicas have it, else unknown`(
        isConfirmed: Bool
    ) {
        let request = ask(.accepted(sequence: 1, position: at), waits: true)
        answer(isConfirmed ? 2 : 1)
        stage.pass(milliseconds: 1_100)
        #expect(
            stage.failure(request)?.acceptance
                == (isConfirmed ? .accepted(sequence: 1) : .unknown))
    }

    @Test func `the deadline ends a request whose answer waits for replicas`() {
        let request = ask(.accepted(sequence: 1, position: at))
        stage.pass(milliseconds: 1_100)
        #expect(stage.failure(request)?.acceptance == .unknown)
        answer(2)
        #expect(stage.failure(request) != nil, "answered once")
    }
}
