/// The way of a request through a worker when something breaks: rules 11, 14, 15, promises 9 and 10.
import CoreTestKit
import Testing

@testable import CouponCore

private let first = Position(epoch: 1, n: 1)
private let otherRedis = RedisIdentity(runID: "other", replicationID: "history")

/// The answers that judge no request, although the connection works.
private let unjudged: [GateAnswer] = [
    .stale(.fenced, epoch: 1), .stale(.missing, epoch: 0), .rolledBack,
    .exhausted(now: VirtualClock().wallNow), .unavailable("LOADING"),
]

@Suite struct WorkerFaultTests {
    // MARK: Deadlines

    @Test func `at its deadline a request is answered with what is known of it`() {
        let stage = WorkerStage()
        let waiting = stage.issue(waits: true, deadline: 100)
        stage.endTurn()
        stage.reply([.accepted(sequence: 7, position: first)])
        let asked = stage.issue(user: 2, deadline: 100)
        stage.endTurn()
        let pending = stage.issue(user: 3, deadline: 100)
        stage.pass(milliseconds: 96)
        #expect([waiting, asked, pending].allSatisfy { stage.end($0) == nil })
        stage.pass(milliseconds: 16)
        #expect(stage.failure(waiting)?.acceptance == .accepted(sequence: 7))
        #expect(stage.failure(asked)?.acceptance == .unknown)
        #expect(stage.failure(pending)?.acceptance == .notAccepted)
        for request in [waiting, asked, pending] {
            #expect(stage.failure(request)?.code == .deadlineExceeded)
        }
        stage.reply([.accepted(sequence: 8, position: first)])
        #expect(stage.gate.calls.isEmpty, "nobody asks for those who are gone")
        stage.receive(from: Position(epoch: 1, n: 0), to: first)
        #expect(stage.host.ends.values.allSatisfy { $0.count == 1 })
    }

    @Test func `a deadline after an hour's silence is kept`() {
        let stage = WorkerStage()
        stage.clock.advance(milliseconds: 3_600_000)
        let request = stage.issue(deadline: 1_000)
        stage.pass(milliseconds: 992)
        #expect(stage.end(request) == nil)
        stage.pass(milliseconds: 24)
        #expect(stage.failure(request)?.code == .deadlineExceeded)
    }

    @Test func `a request that the gate calls expired is sent again while time is left`() throws {
        let stage = WorkerStage()
        let ahead = stage.clock.wallNow.advanced(byMilliseconds: 10_000)
        let request = stage.issue(deadline: 1_000)
        stage.endTurn()
        stage.reply([.expired], now: ahead)
        let again = try #require(stage.gate.calls.first?.requests.first)
        #expect(again.requestID == name(1))
        #expect(again.notAfter == ahead.advanced(byMilliseconds: 1_000))
        stage.clock.advance(milliseconds: 1_000)
        stage.reply([.expired], now: ahead)
        #expect(stage.failure(request)?.code == .deadlineExceeded)
        #expect(stage.failure(request)?.acceptance == .notAccepted)
    }

    @Test func `EXPIRED after an interrupted call leaves the request unknown`() {
        let stage = WorkerStage()
        let request = stage.issue(deadline: 100)
        stage.endTurn()
        stage.answer(.interrupted("cut"))
        stage.gate.become(redis)
        stage.endTurn()
        stage.clock.advance(milliseconds: 100)
        stage.reply([.expired])
        #expect(stage.failure(request)?.acceptance == .unknown)
    }

    // MARK: The connection

    @Test func `in an outage new requests are refused, and earlier ones get their own answers`() {
        let stage = WorkerStage()
        let requests = [stage.issue(), stage.issue(CouponID(6), user: 2)]
        stage.endTurn()
        let calls = stage.gate.calls
        stage.gate.breach = "unsafe"
        let late = stage.issue(CouponID(7), user: 3)
        stage.rest()
        #expect(stage.failure(late)?.message == "unsafe")
        #expect(stage.failure(late)?.acceptance == .notAccepted)
        #expect(stage.gate.calls == calls && requests.allSatisfy { stage.end($0) == nil })
        for number in requests.indices {
            stage.reply([.accepted(sequence: Int64(number) + 1, position: first)])
        }
        #expect(requests.map(stage.outcome) == [.accepted(sequence: 1), .accepted(sequence: 2)])
    }

    @Test func `an interrupted call is sent again with the same requests`() {
        let stage = WorkerStage()
        let requests = [stage.issue(), stage.issue(user: 2)]
        stage.endTurn()
        let asked = stage.gate.calls
        stage.gate.become(nil)
        stage.rest()
        stage.gate.identity = redis
        stage.answer(.interrupted("cut"))
        stage.gate.become(redis)
        stage.rest()
        #expect(stage.gate.calls.map(\.requests) == asked.map(\.requests))
        stage.reply([.replayed(sequence: 1, position: first), .soldOut])
        #expect(stage.outcome(requests[0]) == .accepted(sequence: 1))
        #expect(stage.outcome(requests[1]) == .soldOut)
    }

    @Test func `an interrupted request is unknown at its deadline`() {
        let stage = WorkerStage()
        let request = stage.issue(deadline: 100)
        stage.endTurn()
        stage.gate.become(nil)
        stage.answer(.interrupted("cut"))
        stage.rest()
        #expect(stage.end(request) == nil)
        stage.pass(milliseconds: 112)
        #expect(stage.failure(request)?.acceptance == .unknown)
    }

    @Test(arguments: unjudged)
    func `an interrupted request stays unknown until a later call judges it`(
        _ answer: GateAnswer
    ) {
        let stage = WorkerStage()
        let request = stage.issue()
        stage.endTurn()
        stage.answer(.interrupted("cut"))
        stage.gate.become(redis)
        stage.endTurn()
        stage.answer(answer)
        stage.rest()
        #expect(stage.failure(request)?.acceptance == .unknown)
    }

    @Test func `an interrupted request does not bounce at a door that closed since`() {
        let stage = WorkerStage()
        let request = stage.issue()
        stage.endTurn()
        stage.answer(.interrupted("cut"))
        stage.receive(
            from: Position(epoch: 1, n: 0), to: Position(epoch: 1, n: 0),
            coupons: [.init(coupon: sale, rev: 2, version: 1, door: .closed(.soldOut))])
        stage.gate.become(redis)
        stage.endTurn()
        stage.miss()
        stage.worker.didLoad(sale, .loaded)
        stage.endTurn()
        #expect(stage.gate.calls.count == 1)
        stage.reply([.replayed(sequence: 1, position: first)], door: .closed(.soldOut), rev: 2)
        #expect(stage.outcome(request) == .accepted(sequence: 1))
    }

    @Test func `a gate that answers nonsense is not asked again and again`() {
        let stage = WorkerStage()
        let request = stage.issue(deadline: 5_000)
        stage.endTurn()
        for _ in 0..<5 {
            stage.answer(.interrupted("another version"))
            stage.rest()
            #expect(stage.gate.calls.isEmpty)
            stage.pass(milliseconds: 1_000)
            stage.read(epoch: 1)
            stage.rest()
        }
        #expect(stage.gate.sent == 6, "once, and then each second")
        stage.pass(milliseconds: 16)
        #expect(stage.failure(request)?.acceptance == .unknown)
    }

    @Test func `requests that gathered during a call with a nonsense answer are sent`() {
        let stage = WorkerStage()
        stage.issue(user: 1)
        stage.endTurn()
        stage.issue(user: 2)
        stage.endTurn()
        stage.answer(.interrupted("another version"))
        stage.rest()
        #expect(stage.gate.calls.map { $0.requests.map(\.user.rawValue) } == [[1, 2]])
    }

    @Test func `without a connection new requests are refused, even with calls in flight`() {
        let stage = WorkerStage()
        let asked = [stage.issue(CouponID(1)), stage.issue(CouponID(2))]
        stage.endTurn()
        #expect(stage.gate.calls.count == asked.count)
        let waiting = stage.issue(CouponID(1), user: 2)
        stage.gate.become(nil)
        stage.rest()
        #expect(stage.failure(waiting)?.code == .unavailable)
        for id in 1...100 {
            let request = stage.issue(CouponID(Int64(id)))
            stage.endTurn()
            #expect(stage.failure(request)?.code == .unavailable)
            #expect(stage.failure(request)?.acceptance == .notAccepted)
            #expect(stage.failure(request)?.retryAfterMilliseconds != nil)
        }
        #expect(asked.allSatisfy { stage.end($0) == nil })
        #expect(stage.worker.batches.coupons == [], "strangers leave nothing behind")
    }

    @Test(arguments: unjudged)
    func `if a call judges none of its requests, they are refused`(_ answer: GateAnswer) {
        let stage = WorkerStage()
        let request = stage.issue()
        stage.endTurn()
        stage.answer(answer)
        stage.rest()
        let code: StatusCode = answer.isExhausted ? .resourceExhausted : .unavailable
        #expect(stage.failure(request)?.code == code)
        #expect(stage.failure(request)?.acceptance == .notAccepted)
        #expect(stage.failure(request)?.retryAfterMilliseconds == Limits.retryAfterMilliseconds)
        #expect(stage.gate.calls.isEmpty)
    }

    // MARK: Epochs

    @Test func `a Redis that PostgreSQL does not name is not asked`() {
        let stage = WorkerStage()
        stage.gate.become(otherRedis)
        let request = stage.issue()
        stage.rest()
        #expect(stage.failure(request)?.code == .unavailable)
        #expect(stage.gate.calls.isEmpty)
        #expect(stage.host.refreshes == 1)
        stage.read(epoch: 2, identity: otherRedis)
        stage.issue()
        stage.rest()
        #expect(stage.gate.calls.first?.epoch == 2)
    }

    @Test func `a connection whose Redis may have another history is verified`() {
        let stage = WorkerStage()
        stage.read(epoch: 1)
        #expect(stage.gate.verified == 0)
        stage.read(epoch: 2, identity: otherRedis)
        #expect(stage.gate.verified == 1)
    }

    @Test func `requests that are held for another Redis do not read PostgreSQL without end`() {
        let stage = WorkerStage()
        let request = stage.issue(deadline: 5_000)
        stage.endTurn()
        stage.answer(.interrupted("cut"))
        stage.gate.become(otherRedis)
        for _ in 0..<5 {
            stage.rest()
            stage.read(epoch: 1)
        }
        stage.rest()
        #expect(stage.host.refreshes == 0)
        #expect(stage.end(request) == nil)
        stage.read(epoch: 2, identity: otherRedis)
        stage.rest()
        #expect(stage.gate.calls.first?.requests.first?.requestID == name(1))
    }

    @Test func `a later epoch is read from PostgreSQL, and the request is sent to its gate`() {
        let stage = WorkerStage()
        let request = stage.issue()
        stage.endTurn()
        stage.answer(.stale(.open, epoch: 2))
        stage.rest()
        #expect(stage.host.refreshes == 1)
        #expect(stage.gate.calls.isEmpty)
        stage.read(epoch: 2)
        stage.rest()
        #expect(stage.gate.calls.first?.epoch == 2)
        #expect(stage.gate.calls.first?.floor == 0)
        stage.reply([.soldOut], epoch: 2)
        #expect(stage.outcome(request) == .soldOut)
    }

    @Test(arguments: [false, true])
    func `a later epoch that PostgreSQL does not know refuses the requests`(_ isReadable: Bool) {
        let stage = WorkerStage()
        let request = stage.issue()
        stage.endTurn()
        stage.answer(.stale(.open, epoch: 2))
        if isReadable { stage.read(epoch: 1) } else { stage.worker.apply(rows: nil) }
        stage.rest()
        #expect(stage.failure(request)?.code == .unavailable)
    }

    @Test func `a gate that stays ahead of PostgreSQL is not asked again and again`() {
        let stage = WorkerStage()
        let request = stage.issue(deadline: 5_000)
        stage.endTurn()
        stage.answer(.interrupted("cut"))
        stage.gate.become(redis)
        stage.endTurn()
        stage.answer(.stale(.open, epoch: 2))
        stage.read(epoch: 1)
        stage.rest()
        #expect(stage.gate.calls.isEmpty)
        #expect(stage.host.refreshes == 1)
        #expect(stage.end(request) == nil, "it may have been accepted: it waits on")
    }

    @Test func `a request is sent again at once if a later epoch was read during its call`() {
        let stage = WorkerStage()
        stage.issue()
        stage.endTurn()
        stage.read(epoch: 2)
        stage.answer(.stale(.open, epoch: 2))
        #expect(stage.gate.calls.first?.epoch == 2)
    }

    @Test func `the floor is what replies and events have shown`() {
        let stage = WorkerStage()
        stage.issue()
        stage.endTurn()
        stage.reply([.soldOut], tail: 7)
        stage.issue()
        stage.endTurn()
        #expect(stage.gate.calls.first?.floor == 7)
        stage.reply([.soldOut], tail: 7)
        stage.receive(from: Position(epoch: 1, n: 0), to: Position(epoch: 1, n: 9))
        stage.issue()
        stage.endTurn()
        #expect(stage.gate.calls.first?.floor == 9)
    }

    @Test func `an event of a later epoch makes PostgreSQL be read`() {
        let stage = WorkerStage()
        stage.receive(from: Position(epoch: 1, n: 0), to: Position(epoch: 2, n: 0))
        #expect(stage.host.refreshes == 1)
    }

    // MARK: Loading

    @Test func `a coupon that is not loaded is loaded once, and then asked in order`() {
        let stage = WorkerStage()
        stage.issue(user: 1)
        stage.endTurn()
        for user in 2...17 { stage.issue(user: Int64(user)) }
        stage.endTurn()
        stage.miss()
        stage.miss()
        stage.issue(user: 18)
        stage.rest()
        #expect(stage.gate.calls.isEmpty)
        #expect(stage.host.lookups == [[sale]] && stage.host.loads.isEmpty)
        stage.find(sale)
        #expect(stage.host.loads == [sale])
        stage.worker.didLoad(sale, .loaded)
        stage.rest()
        #expect(stage.gate.calls.map { $0.requests.map(\.user.rawValue) } == [Array(1...18)])
    }

    @Test func `a coupon that does not exist is NOT_FOUND, and bounces for a second`() {
        let stage = WorkerStage()
        let request = stage.issue()
        stage.endTurn()
        stage.miss()
        stage.find()
        #expect(stage.host.loads.isEmpty)
        #expect(stage.outcome(request) == .notFound)
        #expect(stage.outcome(stage.issue()) == .notFound)
        stage.clock.advance(milliseconds: 1_000)
        stage.issue()
        stage.rest()
        #expect(stage.gate.calls.count == 1)
    }

    @Test(arguments: [true, false])
    func `a load that fails ends each request that waits with what is known of it`(
        isFound: Bool
    ) {
        let stage = WorkerStage()
        let interrupted = stage.issue()
        stage.endTurn()
        stage.answer(.interrupted("cut"))
        let fresh = stage.issue(user: 2)
        stage.endTurn()
        stage.miss()
        if isFound { stage.find(sale) }
        let failure = Failure.unavailable("PostgreSQL is not reachable")
        if isFound {
            stage.worker.didLoad(sale, .failed(failure))
        } else {
            stage.worker.didLookUp(.failure(failure))
        }
        stage.rest()
        #expect(stage.failure(fresh)?.acceptance == .notAccepted)
        #expect(stage.failure(interrupted)?.acceptance == .unknown)
        #expect(stage.failure(fresh)?.message == "PostgreSQL is not reachable")
        #expect(stage.worker.batches.coupons == [])
    }
}
