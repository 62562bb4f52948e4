/// Requests for a coupon that is filling: PostgreSQL is asked about each user first (rule 53).
import CoreTestKit
import Testing

@testable import CouponCore

@Suite struct FillingTests {
    private let stage = WorkerStage()
    private let mine = name(1_001)

    /// The gate says that the coupon is filling.
    private func answerFilling(rev: Int64 = 3) {
        stage.answer(
            .reply(
                GateReply(
                    epoch: 1, tail: 0, settled: .zero, now: stage.clock.wallNow,
                    results: [.filling(rev: rev)])))
        stage.rest()
    }

    /// PostgreSQL's answer to the last question.
    private func recall(_ standings: UserStanding?...) {
        stage.worker.didRecall(.success(standings))
        stage.rest()
    }

    private var question: GateQuestion? { stage.gate.calls.first?.questions.first }

    @Test func `a user without a row goes to the gate again, cleared`() {
        let request = stage.issue(user: 9)
        stage.endTurn()
        #expect(question?.clearedAt == 0)
        answerFilling(rev: 3)
        #expect(stage.host.recalls == [[CouponUser(user: UserID(9), coupon: sale)]])
        #expect(stage.host.loads == [sale], "the load may have stopped")
        #expect(stage.gate.calls.isEmpty && stage.end(request) == nil)
        recall(nil)
        #expect(question?.clearedAt == 3 && question?.requests.count == 1)
        stage.reply([.accepted(sequence: 4, position: Position(epoch: 1, n: 1))])
        #expect(stage.outcome(request) == .accepted(sequence: 4))
    }

    @Test func `a user with a row is answered from it, and the gate is not asked`() {
        let request = stage.issue(user: 9, requestID: mine)
        let other = stage.issue(user: 8)
        stage.endTurn()
        answerFilling()
        recall(
            .issued(sequence: 4, requestID: mine, at: .zero),
            .issued(sequence: 2, requestID: name(7), at: .zero))
        #expect(stage.outcome(request) == .accepted(sequence: 4))
        #expect(stage.outcome(other) == .duplicate(sequence: 2, state: .issued))
        #expect(stage.gate.calls.isEmpty)
    }

    @Test func `a user whose other request was rejected goes to the gate`() {
        stage.issue(user: 9)
        stage.endTurn()
        answerFilling()
        recall(.rejected(sequence: 4, requestID: name(7), reason: .soldOut))
        #expect(question?.clearedAt == 3)
    }

    @Test func `requests that nobody waits for any more are not looked up, and are forgotten`() {
        stage.issue(user: 1)
        stage.endTurn()
        answerFilling()
        let few = Int64(Limits.couponsPerLookup)
        for round in 0..<4 {
            for user in 1...few {
                stage.issue(user: 10_000 + Int64(round) * few + user, deadline: 100)
            }
            stage.rest()
            stage.pass(milliseconds: 112)
        }
        #expect(stage.worker.recalls.waiting.count <= 2 * Limits.couponsPerLookup)
        let last = stage.issue(user: 2)
        stage.rest()
        recall(nil)
        #expect(stage.host.recalls.last == [CouponUser(user: UserID(2), coupon: sale)])
        #expect(stage.end(last) == nil)
    }

    @Test
    func `later requests are looked up without asking the gate, and cleared ones do not wait`() {
        stage.issue(user: 1)
        stage.endTurn()
        answerFilling()
        recall(nil)
        #expect(question?.requests.map(\.user) == [UserID(1)])
        stage.issue(user: 2)
        stage.endTurn()
        stage.rest()
        #expect(stage.gate.sent == 2)
        stage.reply([.accepted(sequence: 4, position: Position(epoch: 1, n: 1))])
        stage.rest()
        #expect(stage.host.recalls.last == [CouponUser(user: UserID(2), coupon: sale)])
        #expect(stage.host.loads == [sale], "once")
        recall(nil)
        #expect(question?.requests.map(\.user) == [UserID(2)] && question?.clearedAt == 3)
    }

    @Test func `requests that were cleared before another load are looked up again`() {
        stage.issue(user: 1)
        stage.endTurn()
        answerFilling(rev: 3)
        recall(nil)
        answerFilling(rev: 5)
        #expect(stage.host.recalls.count == 2 && stage.gate.calls.isEmpty)
        recall(nil)
        #expect(question?.clearedAt == 5)
    }

    @Test func `a clearing of an earlier epoch does not count`() {
        stage.issue(user: 1)
        stage.endTurn()
        answerFilling()
        stage.read(epoch: 2)
        recall(nil)
        #expect(stage.gate.calls.first?.epoch == 2 && question?.clearedAt == 0)
    }

    @Test func `when the load has ended, requests go to the gate at once`() {
        let first = stage.issue(user: 1)
        stage.endTurn()
        answerFilling()
        stage.worker.didLoad(sale, .loaded)
        stage.issue(user: 2)
        stage.endTurn()
        #expect(question?.clearedAt == 0 && question?.requests.map(\.user) == [UserID(2)])
        #expect(stage.host.recalls.count == 1 && stage.end(first) == nil)
    }

    @Test func `a load that fails ends no request: the next one asks for a load again`() {
        let request = stage.issue(user: 1)
        stage.endTurn()
        answerFilling()
        stage.worker.didLoad(sale, .failed(.unavailable("PostgreSQL is not reachable")))
        #expect(stage.end(request) == nil)
        stage.issue(user: 2)
        stage.endTurn()
        answerFilling()
        #expect(stage.host.loads == [sale, sale])
    }

    @Test
    func `if the lane has no room for the load, requests end and the gate is not asked again`() {
        let interrupted = stage.issue(user: 1)
        stage.endTurn()
        stage.answer(.interrupted("cut"))
        stage.gate.become(redis)
        let other = stage.issue(user: 2)
        stage.rest()
        stage.host.whenLoading = { [unowned stage] in
            stage.worker.didLoad($0, .failed(.exhausted("too many loads are waiting")))
        }
        answerFilling()
        #expect(stage.gate.calls.isEmpty && stage.host.loads == [sale])
        #expect(stage.failure(other)?.code == .resourceExhausted)
        #expect(stage.failure(other)?.acceptance == .notAccepted)
        #expect(stage.failure(interrupted)?.acceptance == .unknown)
    }

    @Test func `if PostgreSQL cannot be asked, each request ends with what is known of it`() {
        let interrupted = stage.issue(user: 1)
        stage.endTurn()
        stage.answer(.interrupted("cut"))
        stage.gate.become(redis)
        let other = stage.issue(user: 2)
        stage.rest()
        answerFilling()
        stage.worker.didRecall(.failure(.unavailable("PostgreSQL is not reachable")))
        #expect(stage.failure(interrupted)?.acceptance == .unknown)
        #expect(stage.failure(other)?.acceptance == .notAccepted)
    }
}
