/// Who gets the coupon when a batch is issued (rule 19).
import CoreTestKit
import CouponCore
import Testing

private let window = Window(opens: .zero, closes: Timestamp(microseconds: 1))

private func coupon(_ id: Int64, total: Int64?, issued: Int64 = 0) -> Coupon {
    Coupon(
        id: CouponID(id), title: "t", total: total, window: window, version: 5, issued: issued,
        lastSequence: issued)
}

/// An entry of these users, the sequences counted from `first`.
private func entry(
    _ n: Int64, coupon: Int64 = 1, first: Int64, users: [Int64]
) -> QueueItem {
    .entry(
        QueueEntry(
            position: Position(epoch: 1, n: n), coupon: CouponID(coupon), firstSequence: first,
            acceptedAt: Timestamp(microseconds: 7),
            requests: users.map { EntryRequest(user: UserID($0), requestID: name(UInt64($0))) }))
}

extension BatchDecision {
    /// The users of the next candidates.
    fileprivate mutating func nextUsers() -> [Int64] {
        nextCandidates().map(\.accepted.user.rawValue)
    }
}

extension Commit {
    fileprivate func refused(_ reason: RejectionReason) -> [Int64] {
        rejections.filter { $0.reason == reason }.map(\.accepted.user.rawValue)
    }

    fileprivate func coupon(_ id: Int64) -> Coupon? {
        coupons.first { $0.id == CouponID(id) }?.coupon
    }
}

@Suite struct BatchDecisionTests {
    @Test func `all are issued while quantity lasts, in order`() {
        var decision = BatchDecision(
            items: [entry(1, first: 1, users: [10, 11]), entry(2, first: 3, users: [12])],
            coupons: [coupon(1, total: 5)])
        let candidates = decision.nextCandidates()
        #expect(candidates.map(\.accepted.user.rawValue) == [10, 11, 12])
        #expect(candidates.map(\.accepted.sequence) == [1, 2, 3])
        #expect(candidates.map(\.position.n) == [1, 1, 2])
        #expect(candidates.map(\.accepted.requestID) == [10, 11, 12].map { name($0) })
        #expect(decision.nextUsers() == [])
        let commit = decision.finish()
        #expect(commit.issued == 3)
        #expect(commit.rejections == [])
        #expect(commit.coupon(1)?.issued == 3)
        #expect(commit.coupon(1)?.lastSequence == 3)
        #expect(commit.coupon(1)?.version == 5, "no change to publish")
        #expect(commit.coupons.map(\.requests) == [3])
    }

    @Test func `the last issue raises the version once`() {
        var decision = BatchDecision(
            items: [entry(1, first: 4, users: [10, 11])],
            coupons: [coupon(1, total: 5, issued: 3)])
        _ = decision.nextCandidates()
        #expect(decision.finish().coupon(1)?.version == 6)

        var late = BatchDecision(
            items: [entry(2, first: 6, users: [12])], coupons: [coupon(1, total: 5, issued: 5)])
        #expect(late.nextUsers() == [])
        let commit = late.finish()
        #expect(commit.coupon(1)?.version == 5, "it was sold out before")
        #expect(commit.refused(.soldOut) == [12])
    }

    @Test func `requests above the total are rejected, the last ones first`() {
        var decision = BatchDecision(
            items: [entry(1, first: 1, users: [10, 11]), entry(2, first: 3, users: [12])],
            coupons: [coupon(1, total: 2)])
        #expect(decision.nextUsers() == [10, 11])
        let commit = decision.finish()
        #expect(commit.refused(.soldOut) == [12])
        #expect(commit.issued == 2)
        #expect(commit.coupon(1)?.lastSequence == 3, "a rejected sequence is never given again")
    }

    @Test func `a request that is issued already is not counted and not rejected`() {
        var decision = BatchDecision(
            items: [entry(1, first: 1, users: [10, 11])],
            coupons: [coupon(1, total: 2, issued: 1)])
        let first = decision.nextCandidates()
        #expect(first.map(\.accepted.user.rawValue) == [10])
        decision.conflict(first[0], with: first[0].accepted)
        #expect(decision.nextUsers() == [11], "its place is free")
        let commit = decision.finish()
        #expect(commit.issued == 1)
        #expect(commit.coupon(1)?.issued == 2)
        #expect(commit.rejections == [])
    }

    @Test(arguments: [(name(99), Int64(1)), (name(10), Int64(8))])
    func `another request of the user is a rejection that names the row`(
        _ requestID: RequestID, _ sequence: Int64
    ) throws {
        var decision = BatchDecision(
            items: [entry(1, first: 1, users: [10, 11, 12])], coupons: [coupon(1, total: 2)])
        let round = decision.nextCandidates()
        let row = AcceptedRequest(
            coupon: CouponID(1), user: UserID(10), sequence: sequence, requestID: requestID)
        decision.conflict(round[0], with: row)
        #expect(decision.nextUsers() == [12], "the next in line gets the place")
        let commit = decision.finish()
        let rejection = try #require(commit.rejections.first)
        #expect(commit.rejections.count == 1)
        #expect(rejection.reason == .alreadyIssued)
        #expect(rejection.issued == row)
        #expect(rejection.position == Position(epoch: 1, n: 1))
        #expect(commit.issued == 2)
    }

    @Test func `a dead letter uses no quantity in the tables`() {
        var decision = BatchDecision(
            items: [entry(1, first: 1, users: [10, 11])], coupons: [coupon(1, total: 1)])
        let round = decision.nextCandidates()
        decision.deadLetter(round[0])
        #expect(decision.nextUsers() == [11])
        let commit = decision.finish()
        #expect(commit.refused(.deadLetter) == [10])
        #expect(commit.coupon(1)?.issued == 1)
    }

    @Test func `requests for a deleted coupon are rejected, the others go on`() {
        var decision = BatchDecision(
            items: [
                entry(1, coupon: 2, first: 1, users: [10, 11]), entry(2, first: 1, users: [10]),
                entry(3, coupon: 2, first: 3, users: [12]),
            ], coupons: [coupon(1, total: 5)])
        #expect(decision.nextUsers() == [10])
        let commit = decision.finish()
        #expect(commit.refused(.notFound) == [10, 11, 12])
        #expect(commit.coupon(1)?.issued == 1)
        let gone = commit.coupons.first { $0.id == CouponID(2) }
        #expect(gone == SettledCoupon(id: CouponID(2), coupon: nil, requests: 3))
    }

    @Test func `an unlimited coupon has room for all`() {
        var decision = BatchDecision(
            items: [entry(1, first: 1, users: Array(1...1_000))],
            coupons: [coupon(1, total: nil, issued: 1 << 40)])
        #expect(decision.nextUsers().count == 1_000)
        let commit = decision.finish()
        #expect(commit.rejections == [])
        #expect(commit.coupon(1)?.version == 5)
    }

    @Test func `each coupon of a batch has its own quantity`() {
        var decision = BatchDecision(
            items: [
                entry(1, coupon: 2, first: 1, users: [10, 11]),
                entry(2, coupon: 1, first: 1, users: [10, 11]),
                entry(3, coupon: 2, first: 3, users: [12]),
            ], coupons: [coupon(1, total: 1), coupon(2, total: 2)])
        #expect(decision.nextUsers() == [10, 11, 10])
        let commit = decision.finish()
        #expect(commit.refused(.soldOut) == [12, 11])
        #expect(commit.coupons.map(\.id.rawValue) == [2, 1], "as the batch names them")
        #expect(commit.coupons.map(\.requests) == [3, 2])
        #expect(commit.issued == 3)
    }

    @Test func `the users of a damaged entry go to the dead letters`() {
        let accepted = AcceptedRequest(
            coupon: CouponID(1), user: UserID(10), sequence: 9, requestID: name(10))
        let damaged = DamagedEntry(
            position: Position(epoch: 1, n: 1), bytes: [0xFF], reason: "layout 255",
            holders: [accepted])
        var decision = BatchDecision(
            items: [.damaged(damaged), entry(2, first: 10, users: [11])],
            coupons: [coupon(1, total: 5)])
        #expect(decision.nextUsers() == [11])
        let commit = decision.finish()
        #expect(
            commit.rejections == [
                Rejection(
                    accepted: accepted, position: damaged.position, reason: .deadLetter, issued: nil
                )
            ])
        #expect(commit.coupons.map(\.requests) == [2])
        #expect(commit.coupon(1)?.lastSequence == 10)
    }

    @Test func `a coupon with more issues than its total has no room, and nothing traps`() {
        var decision = BatchDecision(
            items: [entry(1, first: 1, users: [10])], coupons: [coupon(1, total: 2, issued: 3)])
        #expect(decision.nextUsers() == [])
        #expect(decision.finish().refused(.soldOut) == [10])
    }

    @Test func `state and window are not judged again`() {
        var closed = coupon(1, total: 5)
        closed.state = .closed
        var decision = BatchDecision(
            items: [entry(1, first: 1, users: [10])], coupons: [closed])
        #expect(decision.nextUsers() == [10])
    }

    @Test func `an empty batch decides nothing`() {
        var decision = BatchDecision(items: [], coupons: [])
        #expect(decision.nextUsers() == [])
        #expect(decision.finish() == Commit(coupons: [], rejections: [], issued: 0))
    }
}
