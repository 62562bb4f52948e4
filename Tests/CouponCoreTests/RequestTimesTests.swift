/// How long requests take, and where.
import CoreTestKit
import Testing

@testable import CouponCore

private let first = Position(epoch: 1, n: 1)

@Suite struct RequestTimesTests {
    private func stage(slow: Int64? = 100) -> WorkerStage {
        let stage = WorkerStage(slow: slow)
        stage.clock.advance(milliseconds: 1)
        return stage
    }

    private func milliseconds(_ slow: RequestReport?) -> [String] {
        (slow?.stages ?? []).map { "\($0.name) \($0.nanoseconds / 1_000_000)" }
    }

    @Test func `a slow request is reported with the time of each stage`() throws {
        let stage = stage()
        stage.issue(waits: true)
        stage.clock.advance(milliseconds: 3)
        stage.endTurn()
        stage.clock.advance(milliseconds: 5)
        stage.reply([.accepted(sequence: 1, position: first)])
        stage.clock.advance(milliseconds: 200)
        let issuedAt = stage.clock.wallNow
        stage.clock.advance(milliseconds: 7)
        stage.worker.receive(
            .event(
                CompletionEvent(
                    partition: stage.partition, epoch: 1, from: Position(epoch: 1, n: 0),
                    to: first, publishedAt: stage.clock.wallNow, issuedAt: issuedAt,
                    resolve: false, coupons: [], rejections: [])))
        let slow = try #require(stage.host.slow.first)
        #expect(stage.host.slow.count == 1)
        #expect(slow.isSlow && slow.caller == Caller(connection: 1, request: 1))
        #expect(slow.method == "issue" && slow.coupon == sale && slow.end == "ISSUED")
        #expect(slow.nanoseconds == 215_000_000)
        #expect(
            milliseconds(slow) == ["front door 3", "gate 5", "queue and commit 200", "settle 7"])
    }

    @Test func `a request that was not sent has one stage, one without an answer has two`() {
        let stage = stage()
        stage.issue(deadline: 120)
        stage.pass(milliseconds: 160)
        #expect(milliseconds(stage.host.slow.last).first?.hasPrefix("front door 1") == true)
        #expect(stage.host.slow.last?.stages.count == 1)
        #expect(stage.host.slow.last?.end == "DEADLINE_EXCEEDED")
        stage.issue(user: 2, deadline: 120)
        stage.endTurn()
        stage.pass(milliseconds: 160)
        #expect(stage.host.slow.last?.stages.map(\.name) == ["front door", "gate"])
    }

    @Test func `a fast request is not reported, and without a threshold none is`() {
        let stage = stage()
        stage.issue()
        stage.endTurn()
        stage.clock.advance(milliseconds: 99)
        stage.reply([.soldOut])
        #expect(stage.host.slow.isEmpty)
        let other = self.stage(slow: nil)
        other.issue()
        other.endTurn()
        other.clock.advance(milliseconds: 900)
        other.reply([.soldOut])
        #expect(other.host.slow.isEmpty)
    }

    @Test func `one in so many requests that succeed is reported, however fast`() throws {
        let stage = WorkerStage(sample: 3)
        stage.clock.advance(milliseconds: 1)
        let callers = (1...7).map { stage.issue(user: $0) }
        stage.endTurn()
        stage.clock.advance(milliseconds: 2)
        let accepted = (1...7).map { n in
            // The second user has it already, which is not a success.
            n == 2
                ? GateVerdict.duplicate(sequence: 9, state: .issued, position: first)
                : .accepted(sequence: Int64(n), position: first)
        }
        stage.reply(accepted)
        let reports = stage.host.slow
        #expect(reports.map(\.caller.request) == [callers[3], callers[6]])
        #expect(reports.allSatisfy { !$0.isSlow && $0.end == "ACCEPTED" })
        #expect(milliseconds(reports.first) == ["front door 0", "gate 2", "queue 0"])
    }

    @Test func `each request is measured once, by its stages too`() {
        let stage = stage()
        for user in 1...5 { stage.issue(user: Int64(user)) }
        stage.endTurn()
        stage.clock.advance(milliseconds: 2)
        stage.reply(Array(repeating: .soldOut, count: 5))
        let times = stage.worker.times
        #expect(times.requests.count == 5 && times.requests.nanoseconds == 10_000_000)
        #expect(times.gate.count == 5 && times.gate.nanoseconds == 10_000_000)
        #expect(times.frontDoor.count == 5 && times.frontDoor.nanoseconds == 0)
    }
}
