/// Explanations: each state of a request in sentences, with its evidence, and what cannot be known.
import CoreTestKit
import Testing

@testable import CouponCore

private let user = CouponUser(user: UserID(42), coupon: CouponID(7))
private let identity = RedisIdentity(runID: "run", replicationID: "history")

@Suite struct ExplanationTests {
    private struct Case {
        var coupon: Coupon? = .sample(user.coupon, total: 10, issued: 1)
        var issue: CouponCore.Issue?
        var rejections: [RejectionTrace] = []
        var letters: [DecidedLetter] = []
        var trail: [TrailLine] = []
        var epoch: Epoch = 1
        var status = UserStatus.none
        var holder: GateHolder?
        var gateStatus: GateStatus? = .open
        var place: QueuePlace?

        var sentences: [Sentence] {
            let gate = gateStatus.map { status in
                GateInspection(
                    status: status, epoch: epoch, settled: Position(epoch: 1, n: 4), tail: 5,
                    now: Timestamp(microseconds: 2_000_000), identity: identity,
                    record: GateRecord(
                        version: 1, rev: 1, used: 2, queued: 1, nextSequence: 3, cap: nil,
                        terms: Coupon.sample(user.coupon, total: 10, issued: 1).terms),
                    holder: holder)
            }
            let traces = UserTraces(
                partition: PartitionRow(
                    id: PartitionID(0), epoch: epoch, cursor: Position(epoch: 1, n: 4),
                    identity: identity, installID: "i"),
                coupon: coupon, issue: issue, rejections: rejections, letters: letters,
                hasUnreadable: false, trail: trail)
            return Explanation(
                user: user, traces: traces, gate: gate,
                gateFault: gate == nil ? "Redis is not reachable" : nil, status: status,
                place: place
            ).sentences
        }

        var text: String { sentences.map(\.text).joined(separator: "\n") }
    }

    private func moment(_ seconds: Int64) -> Timestamp {
        Timestamp(microseconds: seconds * 1_000_000)
    }

    private func letter(_ state: DeadLetter.State, decided: Timestamp?) -> DecidedLetter {
        DecidedLetter(
            letter: DeadLetter(
                id: 5,
                accepted: AcceptedRequest(
                    coupon: user.coupon, user: user.user, sequence: 3, requestID: name(3)),
                position: Position(epoch: 1, n: 2), error: "value out of range", state: state,
                createdAt: moment(30)),
            decidedAt: decided)
    }

    @Test func `an issue has its two moments, its sequence and its request`() {
        var one = Case()
        one.issue = CouponCore.Issue(
            user: user.user, sequence: 3, requestID: name(3), acceptedAt: moment(10),
            issuedAt: moment(11))
        one.status = .issued(sequence: 3, at: moment(11))
        let found = one.sentences
        #expect(found[0].source == .conclusion && found[0].text == "user 42 has coupon 7")
        #expect(found[1...2].map(\.at) == [moment(10), moment(11)])
        #expect(found[0...2].allSatisfy { $0.sequence == 3 && $0.requestID == name(3) })
    }

    @Test func `a queued request is known to the gate, with what is before it`() {
        var one = Case()
        one.holder = GateHolder(
            sequence: 3, position: Position(epoch: 1, n: 5), requestID: name(3), rejection: nil)
        one.status = .queued(sequence: 3)
        one.place = QueuePlace(ahead: 2, milliseconds: 150)
        #expect(one.sentences[0].requestID == name(3))
        #expect(one.text.contains("waits for its issue"))
        let queue = one.sentences.filter { $0.source == .queue }
        #expect(queue.count == 1)
        #expect(
            queue.first?.text.contains("2 requests of the coupon are decided before it") == true)
        #expect(queue.first?.text.contains("150 ms") == true)
    }

    @Test func `a settled request without a row is pointed out`() {
        var one = Case()
        one.holder = GateHolder(
            sequence: 3, position: Position(epoch: 1, n: 4), requestID: name(3), rejection: nil)
        one.status = .queued(sequence: 3)
        #expect(one.text.contains("couponctl verify --coupon 7"))
    }

    @Test(arguments: RejectionReason.allCases)
    func `each reason of a rejection has a sentence`(_ reason: RejectionReason) {
        var one = Case()
        one.rejections = [
            RejectionTrace(
                sequence: 3, requestID: name(3), reason: reason,
                position: Position(epoch: 1, n: 2), at: moment(20))
        ]
        one.status = .rejected(sequence: 3, reason: reason)
        #expect(one.sentences[0].text.contains("ended without an issue: "))
        #expect(one.sentences[0].requestID == name(3))
        #expect(one.sentences[1].at == moment(20))
    }

    @Test func `a dead letter says what PostgreSQL said, and what an admin decided`() {
        var one = Case()
        one.letters = [letter(.held, decided: nil)]
        one.status = .rejected(sequence: 3, reason: .deadLetter)
        #expect(one.text.contains("dead letter 5; PostgreSQL said: value out of range"))
        #expect(one.text.contains("keeps its slot until an admin decides"))
        one.letters = [letter(.discarded, decided: moment(40))]
        one.status = .rejected(sequence: 3, reason: .discarded)
        #expect(one.sentences.contains { $0.at == moment(40) && $0.text.contains("discarded") })
        one.letters = [letter(.redriven, decided: moment(50))]
        #expect(one.sentences.contains { $0.at == moment(50) && $0.text.contains("redrove") })
    }

    @Test func `a user who never asked is not confused with one of whom nothing is known`() {
        var one = Case()
        #expect(one.sentences[0].text.contains("no accepted request of user 42 is known"))
        #expect(one.text.contains("the gate does not know the user"))
        for status in [nil, .fenced] as [GateStatus?] {
            one.gateStatus = status
            #expect(one.sentences[0].text.contains("no decided request of user 42 is known"))
        }
        one.gateStatus = nil
        #expect(one.text.contains("the gate cannot be asked: Redis is not reachable"))
        one.coupon = nil
        #expect(one.sentences[0].text == "there is no coupon 7")
    }

    @Test func `a user who has nothing learns what a new request would get, and what admins did`() {
        var one = Case()
        one.coupon?.state = .paused
        one.trail = [
            TrailLine(
                id: 9, at: moment(60),
                action: AdminAction(
                    call: AdminCall(
                        principal: "alice", address: "10.0.0.1", method: "pause_coupon",
                        request: 1), coupon: user.coupon))
        ]
        #expect(one.text.contains("a request now would be refused as PAUSED"))
        #expect(
            one.sentences.contains {
                $0.source == .trail && $0.at == moment(60)
                    && $0.text == "alice at 10.0.0.1 called pause_coupon: OK"
            })
        #expect(one.text.contains("not looked at: refused requests"))
        #expect(!one.text.contains("known to nobody"))
        one.epoch = 2
        #expect(one.text.contains("known to nobody"))
    }
}
