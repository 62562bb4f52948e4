/// The way of a request through a worker when everything works.
import CoreTestKit
import Testing

@testable import CouponCore

private let first = Position(epoch: 1, n: 1)

@Suite struct WorkerTests {
    @Test func `requests that came before one pump go in one call, in order`() throws {
        let stage = WorkerStage()
        for user in 1...3 { stage.issue(user: Int64(user)) }
        #expect(stage.gate.calls.isEmpty)
        stage.endTurn()
        let call = try #require(stage.gate.calls.first)
        #expect(stage.gate.calls.count == 1)
        #expect(call.requests.map(\.user.rawValue) == [1, 2, 3])
        #expect(call.requests.map(\.requestID) == [1, 2, 3].map(name))
        #expect(call.questions.map(\.coupon) == [sale])
        #expect(call.partition == stage.partition && call.epoch == 1)
    }

    @Test func `the requests in a call are limited, and so are calls in flight`() {
        let stage = WorkerStage()
        let full = Limits.requestsPerGateCall
        let four = [full, full, full, full]
        for user in 1...5 * full + 100 { stage.issue(user: Int64(user)) }
        stage.endTurn()
        #expect(stage.gate.calls.map(\.requests.count) == four)
        stage.reply(Array(repeating: .soldOut, count: full))
        #expect(stage.gate.calls.map(\.requests.count) == four)
        stage.reply(Array(repeating: .soldOut, count: full))
        #expect(stage.gate.calls.map(\.requests.count) == [full, full, full, 100])
        #expect(stage.gate.mostUnderWay == Limits.gateCallsInFlightPerCoupon)
    }

    @Test func `while a call is in flight, few requests gather, and many are sent`() {
        let stage = WorkerStage()
        stage.issue(user: 1)
        stage.endTurn()
        let enough = Limits.minimumConcurrentBatch
        for user in 2...enough {
            stage.issue(user: Int64(user))
            stage.endTurn()
        }
        #expect(stage.gate.calls.map(\.requests.count) == [1])
        stage.issue(user: 100)
        stage.endTurn()
        #expect(stage.gate.calls.map(\.requests.count) == [1, enough])
        stage.issue(user: 101)
        stage.endTurn()
        stage.reply([.soldOut])
        #expect(stage.gate.calls.map(\.requests.count) == [enough])
        stage.reply(Array(repeating: .soldOut, count: enough))
        #expect(stage.gate.calls.map(\.requests.count) == [1], "nothing is in flight")
    }

    @Test func `the coupons of a partition share a call`() {
        let stage = WorkerStage()
        for id in [5, 6, 5, 9] as [Int64] { stage.issue(CouponID(id), user: id) }
        stage.endTurn()
        #expect(stage.gate.calls.map { $0.questions.map(\.coupon.rawValue) } == [[5, 9], [6]])
        #expect(stage.gate.calls[0].questions.map(\.requests.count) == [2, 1])
    }

    @Test func `a call has a limited number of coupons, and the next call has the others`() {
        let stage = WorkerStage()
        let most = Limits.couponsPerGateCall
        for id in 1...most + 10 { stage.issue(CouponID(Int64(4 * id)), user: 1) }
        stage.endTurn()
        #expect(stage.gate.calls.map(\.questions.count) == [most])
        stage.answer(.unavailable("LOADING"))
        #expect(stage.gate.calls.map(\.questions.count) == [10])
    }

    @Test func `during a call of its partition only a coupon with many requests is sent`() {
        let stage = WorkerStage()
        stage.issue(CouponID(1), user: 1)
        stage.endTurn()
        stage.issue(CouponID(5), user: 1)
        for user in 1...Limits.minimumConcurrentBatch {
            stage.issue(CouponID(9), user: Int64(user))
        }
        stage.endTurn()
        #expect(stage.gate.calls.map { $0.questions.map(\.coupon.rawValue) } == [[1], [9]])
        stage.reply([.soldOut])
        #expect(stage.gate.calls.map { $0.questions.map(\.coupon.rawValue) } == [[9], [5]])
    }

    @Test func `an answered call gives its partition one turn, no more`() {
        let stage = WorkerStage()
        stage.issue(user: 1)
        stage.endTurn()
        stage.reply([.soldOut])
        stage.issue(user: 2)
        stage.endTurn()
        stage.issue(CouponID(1), user: 3)
        stage.endTurn()
        #expect(stage.gate.calls.map { $0.questions.map(\.coupon) } == [[sale]])
    }

    @Test func `a coupon with few requests does not wait for one that always has a call in flight`()
    {
        let stage = WorkerStage()
        func askForHot() {
            for _ in 1...Limits.minimumConcurrentBatch { stage.issue(CouponID(1), user: 7) }
            stage.endTurn()
        }
        askForHot()
        askForHot()
        let few = stage.issue(CouponID(5), user: 1)
        askForHot()
        #expect(stage.gate.calls.map { $0.questions.map(\.coupon.rawValue) } == [[1], [1], [1]])
        stage.issue(CouponID(1), user: 8)
        stage.answer(.unavailable("LOADING"))
        #expect(stage.gate.calls.map { $0.questions.map(\.coupon.rawValue) } == [[1], [1], [5]])
        #expect(stage.end(few) == nil)
    }

    @Test func `one coupon of a call is not loaded, one has too many queued, one is judged`() {
        let stage = WorkerStage()
        let requests = [1, 5, 9].map { stage.issue(CouponID($0), user: 1) }
        stage.endTurn()
        stage.answer(
            .reply(
                GateReply(
                    epoch: 1, tail: 1, settled: .zero, now: stage.clock.wallNow,
                    results: [
                        .notLoaded(rev: 1), .exhausted,
                        .judged(
                            GateJudgement(
                                rev: 1, version: 1, door: .open,
                                verdicts: [.accepted(sequence: 1, position: first)])),
                    ])))
        #expect(stage.end(requests[0]) == nil && stage.host.lookups == [[CouponID(1)]])
        #expect(stage.failure(requests[1])?.code == .resourceExhausted)
        #expect(stage.outcome(requests[2]) == .accepted(sequence: 1))
    }

    @Test func `calls in flight are limited`() {
        let stage = WorkerStage()
        let coupons = Limits.gateCallsInFlight + 6
        for id in 1...coupons {
            for user in 1...Limits.requestsPerGateCall {
                stage.issue(CouponID(Int64(id)), user: Int64(user))
            }
        }
        stage.endTurn()
        #expect(stage.gate.calls.count == Limits.gateCallsInFlight)
        stage.answer(.unavailable("LOADING"))
        #expect(stage.gate.calls.count == Limits.gateCallsInFlight)
        #expect(stage.gate.mostUnderWay == Limits.gateCallsInFlight)
    }

    @Test(
        arguments: [
            (GateVerdict.accepted(sequence: 4, position: first), Outcome.accepted(sequence: 4)),
            (.replayed(sequence: 4, position: first), .accepted(sequence: 4)),
            (
                .duplicate(sequence: 3, state: .issued, position: first),
                .duplicate(sequence: 3, state: .issued)
            ),
            (
                .rejected(sequence: 3, reason: .soldOut), .rejected(sequence: 3, reason: .soldOut)
            ),
            (.soldOut, .soldOut), (.ended, .ended), (.paused, .paused), (.closed, .closed),
        ])
    func `each verdict has its outcome`(_ verdict: GateVerdict, _ outcome: Outcome) {
        let stage = WorkerStage()
        let request = stage.issue()
        stage.endTurn()
        stage.reply([verdict])
        #expect(stage.outcome(request) == outcome)
        #expect(stage.worker.requestsInFlight == 0)
    }

    @Test func `NOT_OPEN names the opening`() {
        let stage = WorkerStage()
        let request = stage.issue()
        stage.endTurn()
        let opens = stage.clock.wallNow.advanced(byMilliseconds: 5_000)
        stage.reply([.notOpen], door: .closed(.notOpen(opens: opens)))
        #expect(stage.outcome(request) == .notOpen(opens: opens))
        #expect(stage.outcome(stage.issue()) == .notOpen(opens: opens), "and bounces then")
    }

    @Test func `a full coupon bounces without a call, and a retry is asked`() {
        let stage = WorkerStage()
        stage.issue()
        stage.endTurn()
        let late = stage.issue(user: 2)
        stage.reply([.accepted(sequence: 1, position: first)], door: .closed(.full))
        #expect(stage.outcome(late) == .soldOut, "it waited while the door closed")
        #expect(stage.outcome(stage.issue(user: 3)) == .soldOut)
        #expect(stage.worker.remembers(sale) == (true, true))
        #expect(stage.gate.sent == 1)
        let retry = stage.issue(user: 1, attempt: 1)
        stage.endTurn()
        stage.reply(
            [.duplicate(sequence: 1, state: .queued, position: first)], door: .closed(.full))
        #expect(stage.outcome(retry) == .duplicate(sequence: 1, state: .queued))
    }

    @Test func `a mark that bounces is refreshed by a call without requests`() {
        let stage = WorkerStage()
        stage.issue()
        stage.endTurn()
        stage.reply([.soldOut], door: .closed(.full))
        stage.clock.advance(milliseconds: 1_000)
        #expect(stage.outcome(stage.issue()) == .soldOut)
        stage.endTurn()
        #expect(stage.gate.calls.map(\.requests) == [[]])
        stage.reply([], rev: 2)
        stage.issue()
        stage.endTurn()
        #expect(stage.gate.calls.count == 1, "it is open again")
    }

    @Test func `an old mark that a waiting request meets is refreshed too`() {
        let stage = WorkerStage()
        stage.issue(CouponID(1))
        stage.issue(CouponID(2))
        stage.endTurn()
        let waiting = stage.issue(user: 2)
        stage.receive(
            from: Position(epoch: 1, n: 0), to: Position(epoch: 1, n: 0),
            coupons: [.init(coupon: sale, rev: 1, version: 1, door: .closed(.full))])
        stage.clock.advance(milliseconds: 1_000)
        stage.endTurn()
        stage.reply([.soldOut])
        #expect(stage.outcome(waiting) == .soldOut)
        #expect(stage.gate.calls.last?.questions.map(\.coupon) == [sale])
        #expect(stage.gate.calls.last?.requests == [])
    }

    @Test func `an event opens a door that bounced`() {
        let stage = WorkerStage()
        stage.issue()
        stage.endTurn()
        stage.reply([.soldOut], door: .closed(.full))
        stage.receive(
            from: Position(epoch: 1, n: 0), to: Position(epoch: 1, n: 0),
            coupons: [.init(coupon: sale, rev: 2, version: 1, door: .open)])
        stage.issue()
        stage.endTurn()
        #expect(stage.gate.calls.count == 1)
    }

    @Test func `after forgetting a coupon, or all, the gate is asked again`() {
        let stage = WorkerStage()
        stage.issue()
        stage.endTurn()
        stage.reply([.soldOut], door: .closed(.soldOut))
        stage.worker.forget(sale)
        #expect(stage.worker.remembers(sale) == (true, false))
        stage.issue()
        stage.endTurn()
        stage.reply([.soldOut], door: .closed(.soldOut))
        #expect(stage.worker.remembers(sale) == (true, true))
        stage.worker.forgetAll()
        #expect(stage.worker.remembers(sale) == (false, false))
    }

    @Test func `a request without a name gets a random one, and a deadline by default`() throws {
        let stage = WorkerStage()
        stage.issue(requestID: .empty, deadline: nil)
        stage.issue(user: 2, requestID: .empty, deadline: .max)
        stage.endTurn()
        let requests = try #require(stage.gate.calls.first?.requests)
        #expect(requests[0].requestID != requests[1].requestID)
        #expect(requests.allSatisfy { $0.requestID.count == 16 })
        #expect(
            requests.map { $0.notAfter.milliseconds(since: stage.clock.wallNow) }
                == [2_000, 60_000])
    }

    // MARK: Waiting for ISSUED

    @Test func `a waiting caller is answered after the commit, by the event`() {
        let stage = WorkerStage()
        let waits = stage.issue(waits: true)
        let rejected = stage.issue(user: 2, waits: true)
        let leaves = stage.issue(user: 3)
        stage.endTurn()
        stage.reply((1...3).map { .accepted(sequence: $0, position: first) })
        #expect(stage.end(waits) == nil && stage.end(rejected) == nil)
        #expect(stage.outcome(leaves) == .accepted(sequence: 3))
        #expect(stage.host.questions.isEmpty)
        stage.receive(
            from: Position(epoch: 1, n: 0), to: first,
            rejections: [.init(coupon: sale, sequence: 2, reason: .deadLetter)])
        #expect(stage.outcome(waits) == .issued(sequence: 1, at: stage.clock.wallNow))
        #expect(stage.outcome(rejected) == .rejected(sequence: 2, reason: .deadLetter))
        #expect(stage.worker.requestsInFlight == 0)
    }

    @Test func `a caller that no event covers is answered from PostgreSQL`() throws {
        let stage = WorkerStage()
        let waits = stage.issue(waits: true)
        let lost = stage.issue(user: 2, waits: true)
        let other = stage.issue(user: 3, waits: true)
        stage.endTurn()
        stage.reply((1...3).map { .replayed(sequence: $0, position: first) })
        let questions = try #require(stage.host.questions.first)
        #expect(stage.host.questions.count == 1)
        #expect(questions.partition == stage.partition)
        #expect(questions.acceptedRequests.map(\.sequence) == [1, 2, 3])
        stage.worker.didDecide(
            Decisions(
                cursor: first,
                standings: [
                    .issued(sequence: 1, requestID: name(1), at: stage.clock.wallNow), nil,
                    .issued(sequence: 9, requestID: name(99), at: stage.clock.wallNow),
                ]), in: stage.partition)
        #expect(stage.outcome(waits) == .issued(sequence: 1, at: stage.clock.wallNow))
        #expect(stage.failure(lost)?.code == .unavailable)
        #expect(stage.failure(lost)?.acceptance == .notAccepted, "a retry is safe")
        #expect(stage.outcome(other) == .duplicate(sequence: 9, state: .issued))
    }

    @Test func `a broken subscription sends the waiters to PostgreSQL`() {
        let stage = WorkerStage()
        let waits = stage.issue(waits: true)
        stage.endTurn()
        stage.reply([.accepted(sequence: 1, position: first)])
        stage.worker.receive(.down("gone"))
        #expect(stage.host.questions.count == 1)
        stage.worker.didDecide(nil, in: stage.partition)
        #expect(stage.host.questions.count == 1, "PostgreSQL is away: it is asked again later")
        stage.worker.apply(rows: nil)
        #expect(stage.host.questions.count == 2, "but each second")
        stage.worker.didDecide(
            Decisions(
                cursor: first,
                standings: [.issued(sequence: 1, requestID: name(1), at: stage.clock.wallNow)]),
            in: stage.partition)
        #expect(stage.outcome(waits) == .issued(sequence: 1, at: stage.clock.wallNow))
    }

    // MARK: The end

    @Test func `a draining worker refuses new requests and answers those in flight`() {
        let stage = WorkerStage()
        let before = stage.issue()
        stage.endTurn()
        stage.worker.drain()
        #expect(stage.failure(stage.issue(user: 2))?.code == .unavailable)
        #expect(stage.worker.whyNotReady != nil)
        stage.reply([.accepted(sequence: 1, position: first)])
        #expect(stage.outcome(before) == .accepted(sequence: 1))
    }

    @Test func `abandoning ends each request with what is known of it`() {
        let stage = WorkerStage()
        let waiting = stage.issue(waits: true)
        stage.endTurn()
        stage.reply([.accepted(sequence: 7, position: first)])
        let asked = stage.issue(user: 2)
        stage.endTurn()
        let pending = stage.issue(user: 3)
        stage.worker.abandon()
        #expect(stage.failure(waiting)?.acceptance == .accepted(sequence: 7))
        #expect(stage.failure(asked)?.acceptance == .unknown)
        #expect(stage.failure(pending)?.acceptance == .notAccepted)
        #expect(stage.worker.requestsInFlight == 0)
        stage.reply([.accepted(sequence: 8, position: first)])
        #expect(stage.host.ends.values.allSatisfy { $0.count == 1 })
    }

    @Test func `a worker says why it is not ready`() {
        let stage = WorkerStage(epoch: nil)
        #expect(stage.worker.whyNotReady?.contains("4 partitions") == true)
        stage.read(epoch: 1)
        #expect(stage.worker.whyNotReady?.contains("4 partitions") == true)
        for partition in stage.partitioning.all { stage.receive(open: 1, in: partition) }
        #expect(stage.worker.whyNotReady == nil)
        stage.read(epoch: 2)
        #expect(stage.worker.whyNotReady?.contains("4 partitions") == true)
        stage.gate.become(nil)
        #expect(stage.worker.whyNotReady?.contains("Redis") == true)
    }
}
