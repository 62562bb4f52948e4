import CouponClient
import CouponCore
import CouponWire
import Histogram
import Testing

@testable import couponctl

@Suite struct SaleCommandTests {
    private typealias Answer = Result<Response.Result, ClientError>

    /// 20 users ask twice each for ten coupons: the first ten are accepted, and get DUPLICATE for their
    /// second request. The others are too late.
    private static func tally(
        _ change: (inout [(user: Int64, outcome: Outcome)]) -> Void = { _ in }
    ) -> AnswerCounts {
        var answers: [(user: Int64, outcome: Outcome)] = []
        for user in Int64(1)...10 {
            answers.append((user, .accepted(sequence: user)))
            answers.append((user, .duplicate(sequence: user, state: .queued)))
        }
        for user in Int64(11)...20 { answers += [(user, .soldOut), (user, .soldOut)] }
        change(&answers)
        var tally = AnswerCounts()
        for answer in answers {
            tally.record(.success(.issue(answer.outcome)), user: UserID(answer.user))
        }
        return tally
    }

    private static func breaches(
        _ tally: AnswerCounts, confirmed: Int = 10, figures: Figures = Figures()
    ) -> [String] {
        SaleAccounts(
            total: 10, users: 20, requests: 40, tally: tally, confirmed: confirmed,
            audit: figures.audit
        ).checks.filter { !$0.holds }.map(\.rule)
    }

    @Test func `a good sale balances`() {
        #expect(Self.breaches(Self.tally()) == [])
    }

    @Test func `a missing row is found`() {
        let rule = "each accepted user has the row with the sequence of the answer"
        #expect(Self.breaches(Self.tally(), confirmed: 9) == [rule])
    }

    @Test func `one acceptance too many is found`() {
        let breaches = Self.breaches(Self.tally { $0[20].outcome = .accepted(sequence: 11) })
        #expect(breaches.contains("as many are accepted as possible"))
        #expect(breaches.contains("there are as many rows as were accepted"))
    }

    @Test func `a user accepted twice is found`() {
        let breaches = Self.breaches(
            Self.tally {
                $0[2].user = 1
                $0[3].user = 1
            })
        #expect(breaches.contains("no user is accepted twice"))
    }

    @Test func `a gap in the sequences is found`() {
        let breaches = Self.breaches(
            Self.tally {
                $0[18].outcome = .accepted(sequence: 12)
                $0[19].outcome = .duplicate(sequence: 12, state: .queued)
            })
        #expect(breaches == ["the sequences are 1 to 10, without gap or repetition"])
    }

    @Test func `a wrong duplicate is found`() {
        let breaches = Self.breaches(
            Self.tally { $0[1].outcome = .duplicate(sequence: 2, state: .queued) })
        #expect(breaches == ["every DUPLICATE names the accepted sequence"])
    }

    @Test func `other answers and errors are found`() {
        #expect(
            Self.breaches(Self.tally { $0[39].outcome = .paused })
                == ["all others get SOLD_OUT or DUPLICATE"])
        var tally = Self.tally { $0.removeLast() }
        tally.record(.failure(.deadlineExceeded), user: UserID(20))
        #expect(Self.breaches(tally).contains("no request ends in an error"))
    }

    @Test(
        arguments: [
            (.with { $0.soldOut = false }, "the gate says sold out"),
            (.with { $0.closed = 1 }, "every worker that remembers the coupon says closed"),
        ] as [(Figures, String)])
    func `a cache that lags is found`(figures: Figures, rule: String) {
        #expect(Self.breaches(Self.tally(), figures: figures) == [rule])
    }

    /// A look in flight during the last acceptance may show the queue from before it.
    @Test func `the queue is empty if a look that began later finds it empty`() {
        let looks = [(1, 2), (4, 6), (7, 9)].map { QueueWatch.Empty(asked: $0, seen: $1) }
        #expect(QueueWatch.first(looks, after: 5) == QueueWatch.Empty(asked: 7, seen: 9))
        #expect(QueueWatch.first(looks, after: 7) == nil)
    }

    @Test func `loops are added up`() {
        var left = Self.tally()
        left.merge(Self.tally())
        #expect(left.count == 80)
        #expect(left.accepted.count == 20)
        #expect(left.soldOut == 40)
    }

    @Test func `distinct errors are bounded`() {
        var tally = AnswerCounts()
        for number in 0..<100 {
            tally.record(.failure(.wrongAnswer("\(number)")), user: UserID(1))
        }
        #expect(tally.errorCount == 100)
        #expect(tally.errors.count == 17)
    }

    @Test func `statuses are counted by name, and loops are added up`() {
        let coupon = Coupon(
            id: CouponID(1), title: "t", total: nil, window: Window(opens: .zero, closes: .zero))
        var left = StatusQuestions(coupon: coupon.id, users: 2, asks: 2, seed: 1)
        for user in [UserStatus.none, .queued(sequence: 1), .issued(sequence: 1, at: .zero)] {
            let status = CouponStatus(coupon: coupon, accepted: 1, queued: 0, user: user)
            left.record(0, .success(.couponStatus(status)), asked: 0, now: 1_000_000)
        }
        left.record(1, .failure(.deadlineExceeded), asked: 0, now: 1_000_000)
        #expect(left.latencies.totalCount == 4)
        left.merge(left)
        #expect(left.statuses == ["NONE": 2, "QUEUED": 2, "ISSUED": 2])
        #expect(left.errors.values.reduce(0, +) == 2)
    }

    @Test func `each user asks equally often, in the order of the seed`() {
        func users(seed: UInt64) -> [Int64] {
            let sale = Sale(coupon: CouponID(1), users: 50, asks: 3, waitFor: .accepted, seed: seed)
            return (0..<sale.count).compactMap { number in
                guard case .issue(let request) = sale.question(number) else { return nil }
                return request.user.rawValue
            }
        }
        let order = users(seed: 7)
        #expect(
            Dictionary(grouping: order) { $0 }.mapValues(\.count)
                == Dictionary(uniqueKeysWithValues: (1...50).map { ($0, 3) }))
        #expect(order == users(seed: 7))
        #expect(order != users(seed: 8))
    }
}
