/// Finished coupons that are not at the gate: answered without a load of their holders (rule 41).
import CoreTestKit
import Testing

@testable import CouponCore

private let over: [(coupon: Coupon, outcome: Outcome)] = [
    (.sample(total: 3, issued: 3), .soldOut),
    (.sample(state: .closed), .closed),
    (.sample(closes: Timestamp(microseconds: 1_000)), .ended),
]

private let issuedAt = Timestamp(microseconds: 77)

/// What PostgreSQL says of a user whose request is `mine`, and the answers: without waiting, and
/// waiting for ISSUED.
private let standings: [(standing: UserStanding?, atOnce: Outcome, waiting: Outcome)] = [
    (nil, .soldOut, .soldOut),
    (
        .issued(sequence: 4, requestID: mine, at: issuedAt), .accepted(sequence: 4),
        .issued(sequence: 4, at: issuedAt)
    ),
    (
        .issued(sequence: 4, requestID: theirs, at: issuedAt),
        .duplicate(sequence: 4, state: .issued), .duplicate(sequence: 4, state: .issued)
    ),
    (
        .rejected(sequence: 4, requestID: mine, reason: .soldOut),
        .rejected(sequence: 4, reason: .soldOut), .rejected(sequence: 4, reason: .soldOut)
    ),
    (.rejected(sequence: 4, requestID: theirs, reason: .soldOut), .soldOut, .soldOut),
    (
        .rejected(sequence: 4, requestID: mine, reason: .deadLetter),
        .rejected(sequence: 4, reason: .deadLetter), .rejected(sequence: 4, reason: .deadLetter)
    ),
    (
        .rejected(sequence: 4, requestID: theirs, reason: .deadLetter),
        .duplicate(sequence: 4, state: .rejected), .duplicate(sequence: 4, state: .rejected)
    ),
    (.rejected(sequence: 4, requestID: theirs, reason: .discarded), .soldOut, .soldOut),
]

private let (mine, theirs) = (name(1_001), name(1_002))
private let soldOut = Coupon.sample(total: 3, issued: 3)

@Suite struct FinishedTests {
    private let stage = WorkerStage()

    /// Asks; the gate does not hold the coupon.
    private func miss(_: UInt64, rev: Int64 = 0) {
        stage.endTurn()
        stage.miss(rev: rev)
    }

    @Test(arguments: over.indices)
    func `the first request for a finished coupon gets its outcome, and later ones bounce`(
        _ index: Int
    ) {
        let (coupon, outcome) = over[index]
        let first = stage.issue()
        miss(first)
        stage.find([coupon])
        #expect(stage.outcome(first) == outcome)
        #expect(stage.host.loads.isEmpty && stage.host.recalls.isEmpty)
        #expect(stage.outcome(stage.issue(user: 2)) == outcome)
        #expect(!stage.host.isPumpScheduled && stage.gate.calls.isEmpty)
        #expect(stage.worker.batches.coupons == [])
    }

    @Test(
        arguments: [
            .sample(state: .paused), .sample(opens: Timestamp(microseconds: .max - 1)),
            .sample(total: 3, issued: 2), .sample(),
        ] as [Coupon])
    func `a coupon that may still be issued is loaded`(_ coupon: Coupon) {
        let request = stage.issue()
        miss(request)
        stage.find([coupon])
        #expect(stage.host.loads == [sale] && stage.end(request) == nil)
    }

    @Test(arguments: standings.indices, [false, true])
    func `a retry gets its result from its row`(_ index: Int, waits: Bool) {
        let example = standings[index]
        let retry = stage.issue(user: 9, requestID: mine, attempt: 1, waits: waits)
        miss(retry)
        stage.find([soldOut])
        #expect(stage.end(retry) == nil)
        #expect(stage.host.recalls == [[CouponUser(user: UserID(9), coupon: sale)]])
        stage.worker.didRecall(.success([example.standing]))
        #expect(stage.outcome(retry) == (waits ? example.waiting : example.atOnce))
        #expect(stage.host.loads.isEmpty)
    }

    @Test func `a first try that may have been accepted before is looked up too`() {
        let request = stage.issue(user: 9, requestID: mine)
        stage.endTurn()
        stage.answer(.interrupted("cut"))
        stage.gate.become(redis)
        miss(request)
        stage.find([soldOut])
        #expect(stage.host.recalls.count == 1 && stage.end(request) == nil)
        stage.worker.didRecall(.success([.issued(sequence: 4, requestID: mine, at: issuedAt)]))
        #expect(stage.outcome(request) == .accepted(sequence: 4))
    }

    @Test
    func `a retry that comes during the lookup is judged by the gate, which may have the request`()
    {
        let first = stage.issue(user: 1)
        miss(first)
        let retry = stage.issue(user: 9, requestID: mine, attempt: 1)
        stage.find([.sample(state: .closed)])
        #expect(stage.outcome(first) == .closed)
        #expect(stage.host.recalls.isEmpty && stage.end(retry) == nil)
        stage.endTurn()
        stage.reply(
            [.replayed(sequence: 4, position: Position(epoch: 1, n: 1))], door: .closed(.closed))
        #expect(stage.outcome(retry) == .accepted(sequence: 4))
    }

    @Test func `such a retry is looked up if the gate still does not hold the coupon`() {
        let first = stage.issue(user: 1)
        miss(first)
        let retry = stage.issue(user: 9, requestID: mine, attempt: 1)
        stage.find([soldOut])
        miss(retry)
        stage.find([soldOut])
        #expect(stage.host.recalls == [[CouponUser(user: UserID(9), coupon: sale)]])
        stage.worker.didRecall(.success([nil]))
        #expect(stage.outcome(retry) == .soldOut)
    }

    @Test func `retries are looked up together, a thousand at a time`() {
        let first = stage.issue(user: 1, attempt: 1)
        miss(first)
        stage.find([soldOut])
        let others = (2...Int64(Limits.couponsPerLookup) + 2).map {
            stage.issue(user: $0, attempt: 1)
        }
        stage.rest()
        while !stage.gate.calls.isEmpty { stage.miss() }
        stage.find([soldOut])
        #expect(stage.host.recalls.map(\.count) == [1])
        stage.worker.didRecall(.success([nil]))
        #expect(stage.host.recalls.map(\.count) == [1, Limits.couponsPerLookup])
        stage.worker.didRecall(
            .success(Array(repeating: nil, count: Limits.couponsPerLookup)))
        #expect(stage.host.recalls.map(\.count) == [1, Limits.couponsPerLookup, 1])
        stage.worker.didRecall(.success([nil]))
        #expect(([first] + others).allSatisfy { stage.outcome($0) == .soldOut })
    }

    @Test func `if a lookup of rows fails, each retry ends with what is known of it`() {
        let interrupted = stage.issue(user: 1)
        stage.endTurn()
        stage.answer(.interrupted("cut"))
        stage.gate.become(redis)
        let retry = stage.issue(user: 2, attempt: 1)
        miss(retry)
        stage.find([soldOut])
        stage.worker.didRecall(.failure(.unavailable("PostgreSQL is not reachable")))
        #expect(stage.failure(retry)?.acceptance == .notAccepted)
        #expect(stage.failure(interrupted)?.acceptance == .unknown)
    }

    @Test func `a retry whose deadline passes during the question is answered once`() {
        let retry = stage.issue(attempt: 1, deadline: 100)
        miss(retry)
        stage.find([soldOut])
        stage.pass(milliseconds: 112)
        #expect(stage.failure(retry)?.code == .deadlineExceeded)
        stage.worker.didRecall(.success([nil]))
        #expect(stage.failure(retry)?.code == .deadlineExceeded)
    }

    private func publish(rev: Int64, _ door: Door) {
        stage.receive(
            from: Position(epoch: 1, n: 0), to: Position(epoch: 1, n: 0),
            coupons: [.init(coupon: sale, rev: rev, version: 2, door: door)])
    }

    /// Whether a first request goes to the gate.
    private func isAsked() -> Bool {
        let request = stage.issue(user: 50)
        stage.endTurn()
        return stage.end(request) == nil && stage.gate.calls.count == 1
    }

    @Test func `a published raise opens the door again`() {
        miss(stage.issue(), rev: 7)
        stage.find([soldOut])
        publish(rev: 8, .open)
        #expect(isAsked())
    }

    @Test func `a raise published before PostgreSQL's answer is not forgotten`() {
        miss(stage.issue(), rev: 7)
        publish(rev: 8, .open)
        stage.find([soldOut])
        #expect(isAsked())
    }

    @Test func `an event from before the question to the gate opens nothing`() {
        publish(rev: 7, .open)
        miss(stage.issue(), rev: 7)
        stage.find([soldOut])
        #expect(!isAsked())
    }

    @Test func `a daemon without a subscription, now or during the question, remembers nothing`() {
        miss(stage.issue(), rev: 7)
        stage.worker.receive(.down("away"))
        stage.worker.receive(.up)
        stage.find([soldOut])
        #expect(isAsked())
    }

    @Test func `a coupon that is changed here while it is looked up is looked up again`() {
        let request = stage.issue()
        miss(request)
        stage.worker.forget(sale)
        stage.find([soldOut])
        #expect(stage.end(request) == nil, "the answer is from before")
        #expect(stage.host.lookups == [[sale], [sale]])
        stage.find([.sample(total: 9, issued: 3)])
        #expect(stage.host.loads == [sale])
    }
}
