/// A random walk through everything that can happen to a worker: whatever comes, each request is answered
/// once, and no answer says what is not so.
import FakeGate
import Testing

@testable import CouponCore

private struct Asked {
    let coupon: CouponID
    let requestID: RequestID
    /// Whether no other request bears the same name.
    var isOnly = true
}

private final class Walk {
    let stage: Stage
    var gate = ModelGate()
    var random: SplitMix64
    var asked: [UInt64: Asked] = [:]
    var byName: [RequestID: (user: Int64, coupon: CouponID, numbers: [UInt64])] = [:]
    var names: [RequestID] = []
    /// All in one partition; the last one is not in PostgreSQL.
    let coupons = [1, 5, 9, 13].map { CouponID($0) }

    init(seed: UInt64) {
        stage = Stage(seed: seed)
        random = SplitMix64(seed: seed)
    }

    func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    func step() {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<35: issue()
        case 35..<55: answer()
        case 55..<70: stage.endTurn()
        case 70..<78: pass(milliseconds: Int64.random(in: 1...20, using: &random))
        case 78..<86: drain()
        case 86..<91: decide()
        case 91..<94: load()
        case 94..<96: rows()
        case 96: stage.gate.become(stage.gate.identity == nil ? redis : nil)
        case 97: rebuild()
        case 98: stage.worker.hear(.down("cut"))
        default: stage.worker.hear(.up)
        }
    }

    func issue() {
        var user = Int64.random(in: 1...200, using: &random)
        var coupon = coupons[Int.random(in: 0..<coupons.count, using: &random)]
        var requestID: RequestID?
        if chance(30), let known = names.randomElement(using: &random), let first = byName[known] {
            (user, coupon, requestID) = (first.user, first.coupon, known)
        }
        let isRetry = requestID != nil
        let number = stage.issue(
            coupon, user: user, requestID: requestID, attempt: isRetry && chance(80) ? 1 : 0,
            waits: chance(50), deadline: UInt32.random(in: 0...150, using: &random))
        let id = requestID ?? name(number)
        asked[number] = Asked(coupon: coupon, requestID: id)
        byName[id, default: (user, coupon, [])].numbers.append(number)
        if !isRetry { names.append(id) }
    }

    func answer() {
        let now = stage.clock.wallNow
        let isUp = stage.gate.identity != nil
        let fault = isUp ? Int.random(in: 0..<100, using: &random) : 0
        stage.gate.answer { call in
            switch fault {
            case 0..<8:
                if chance(50) { _ = gate.judge(call, now: now) }
                return .interrupted("cut")
            case 8: return .unavailable("LOADING")
            case 9: return .exhausted
            case 10: return .stale(.fenced, epoch: gate.epoch)
            default: return gate.judge(call, now: now)
            }
        }
    }

    func pass(milliseconds: Int64) {
        stage.clock.advance(milliseconds: milliseconds)
        stage.worker.expire()
    }

    func drain() {
        var random = self.random
        let event = gate.drain(now: stage.clock.wallNow, partition: stage.partition) { _ in
            Int.random(in: 0..<100, using: &random) < 5
        }
        self.random = random
        if let event, chance(95) { stage.worker.hear(.event(event)) }
    }

    func decide() {
        guard !stage.host.questions.isEmpty else { return }
        let (questions, partition) = stage.host.questions.removeFirst()
        stage.worker.didDecide(chance(80) ? gate.decide(questions) : nil, in: partition)
    }

    func load() {
        guard !stage.host.loads.isEmpty else { return }
        let coupon = stage.host.loads.removeFirst()
        if chance(15) {
            stage.worker.didLoad(coupon, .failed(.unavailable("PostgreSQL is away")))
        } else if coupon == coupons.last {
            stage.worker.didLoad(coupon, .absent)
        } else {
            gate.loaded.insert(coupon)
            stage.worker.didLoad(coupon, .loaded)
        }
    }

    func rows() {
        if chance(20) { stage.worker.take(rows: nil) } else { stage.read(epoch: gate.epoch) }
    }

    func rebuild() { if chance(30) { gate.rebuild() } }

    /// Everything ends by its deadline, whatever is still missing.
    func finish() {
        for _ in 0..<30 { pass(milliseconds: 8) }
    }

    func check() {
        #expect(stage.worker.requestsInFlight == 0)
        #expect(stage.gate.mostUnderWay <= Limits.gateCallsInFlight)
        for (number, request) in asked {
            let ends = stage.host.ends[number] ?? []
            #expect(ends.count == 1, "request \(number): \(ends)")
            guard let end = ends.first else { continue }
            let isOnly = byName[request.requestID]?.numbers.count == 1
            check(end, gate.accepted[request.requestID], isOnly: isOnly, number)
        }
    }

    func check(
        _ end: RecordingHost.End, _ accepted: ModelGate.Accepted?, isOnly: Bool, _ number: UInt64
    ) {
        switch end {
        case .outcome(.accepted(let sequence)):
            #expect(accepted?.holding.sequence == sequence)
        case .outcome(.issued(let sequence, _)):
            #expect(accepted?.holding.sequence == sequence)
            guard case .issued? = accepted?.end else {
                Testing.Issue.record("told ISSUED without a row")
                return
            }
        case .outcome(.rejected(let sequence, _)):
            #expect(accepted?.holding.sequence == sequence)
            guard case .rejected? = accepted?.end else {
                Testing.Issue.record("told REJECTED without a row")
                return
            }
        case .outcome(let refusal):
            #expect(!isOnly || accepted == nil, "\(number) was accepted, and told \(refusal)")
        case .failure(let failure):
            switch failure.acceptance {
            case .accepted(let sequence): #expect(accepted?.holding.sequence == sequence)
            case .notAccepted:
                #expect(!isOnly || accepted == nil, "\(number) was accepted, told \(failure)")
            case .unknown: break
            }
        }
    }
}

@Suite struct WorkerWalkTests {
    @Test(arguments: 1...60 as ClosedRange<UInt64>)
    func `each request is answered once, and truly`(_ seed: UInt64) {
        let walk = Walk(seed: seed)
        for _ in 0..<1_500 { walk.step() }
        walk.finish()
        walk.check()
    }

    @Test func `the walk goes everywhere`() {
        var outcomes: Set<String> = []
        for seed in 1...20 as ClosedRange<UInt64> {
            let walk = Walk(seed: seed)
            for _ in 0..<1_500 { walk.step() }
            walk.finish()
            for end in walk.stage.host.ends.values.joined() {
                switch end {
                case .outcome(let outcome): outcomes.insert("\(outcome)".prefixOfWord)
                case .failure(let failure):
                    outcomes.insert("\(failure.code) \("\(failure.acceptance)".prefixOfWord)")
                }
            }
        }
        let expected: Set<String> = [
            "accepted", "issued", "duplicate", "rejected", "soldOut", "notFound",
            "unavailable notAccepted", "unavailable unknown", "resourceExhausted notAccepted",
            "deadlineExceeded notAccepted", "deadlineExceeded unknown",
            "deadlineExceeded accepted",
        ]
        #expect(outcomes.isSuperset(of: expected), "missing: \(expected.subtracting(outcomes))")
    }
}

extension String {
    /// The letters before the first that is none.
    fileprivate var prefixOfWord: String { String(prefix { $0.isLetter }) }
}
