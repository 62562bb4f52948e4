/// The load of a coupon with many issues: it takes requests before these are at the gate (rule 53).
import CouponCore
import CoreTestKit
import Testing

private let partition = PartitionID(0)

@Suite struct FillingLoadTests: KeeperSuite {
    let fixture = KeeperFixture(holders: 2, issuesLoadedLater: 5)

    /// A coupon with five issues and one rejected user, in pages of two.
    init() {
        fixture.create(issued: 5)
        world.tables.coupons[sale]?.lastSequence = 6
        world.tables.rejections = [
            Rejection(
                accepted: AcceptedRequest(
                    coupon: sale, user: UserID(6), sequence: 6, requestID: name(6)),
                position: Position(epoch: 1, n: 1), reason: .soldOut, issued: nil)
        ]
    }

    private var loaded: ModelRedis.Loaded? { record(of: sale) }
    private var known: [Int64] { (loaded?.holders.keys.map(\.rawValue) ?? []).sorted() }

    /// What the gate says of a user.
    private func judge(_ user: Int64, clearedAt rev: Int64 = 0) -> GateResult? {
        let request = GateRequest(
            user: UserID(user), requestID: name(100 + UInt64(user)),
            notAfter: Timestamp(microseconds: .max))
        let call = GateCall(
            partition: partition, epoch: 1, identity: world.identity, floor: 0,
            questions: [GateQuestion(coupon: sale, requests: [request], clearedAt: rev)])
        guard case .reply(let reply) = world.redis.gate(call, now: clock.wallNow) else {
            return nil
        }
        return reply.results.first
    }

    @Test func `a coupon opens with rejected users and figures, and the issues follow by pages`() {
        var load = CouponLoad(of: sale, number: 1)
        #expect(run(&load) == .opened)
        #expect(known == [6] && loaded?.used == 5 && loaded?.nextSequence == 7)
        #expect(judge(1) == .filling(rev: loaded?.rev ?? 0))
        #expect(load.advance(keeper) == .moved(holders: 2))
        #expect(known == [1, 2, 6])
        #expect(run(&load) == .done(.loaded))
        #expect(known == [1, 2, 3, 4, 5, 6] && loaded?.filling == nil)
        #expect(world.redis[partition].loads.isEmpty)
    }

    @Test func `issues that come during the filling neither stop nor restart the load`() throws {
        var load = CouponLoad(of: sale, number: 1)
        #expect(run(&load) == .opened)
        let rev = try #require(loaded?.rev)
        guard case .judged(let judgement)? = judge(9, clearedAt: rev) else {
            Testing.Issue.record("the gate does not judge it")
            return
        }
        #expect(judgement.verdicts.count == 1)
        let position = loaded?.holders[UserID(9)]?.position
        world.tables.coupons[sale]?.issued += 1
        world.tables.coupons[sale]?.lastSequence += 1
        world.tables.issues[sale]?[UserID(9)] = ModelTables.Issue(
            sequence: 7, requestID: name(109), at: .zero)
        #expect(run(&load) == .done(.loaded))
        #expect(gates.count(of: .claim) == 1 && loaded?.used == 6)
        #expect(known == [1, 2, 3, 4, 5, 6, 9])
        #expect(loaded?.holders[UserID(9)]?.position == position, "the page has an older position")
    }

    @Test func `a coupon that changes before it opens is read again`() {
        var marks = 0
        store.before = { [world] call in
            guard call == .marks else { return }
            marks += 1
            if marks == 2 { world.tables.coupons[sale]?.lastSequence += 1 }
        }
        var load = CouponLoad(of: sale, number: 1)
        #expect(run(&load) == .opened)
        #expect(gates.count(of: .claim) == 2 && loaded?.nextSequence == 8)
    }

    @Test(arguments: [true, false])
    func `another load goes on if one has stopped or has failed`(hasFailed: Bool) {
        var first = CouponLoad(of: sale, number: 1)
        var second = CouponLoad(of: sale, number: 2)
        #expect(run(&first) == .opened)
        _ = first.advance(keeper)
        #expect(second.advance(keeper) == .opened, "it takes requests")
        #expect(second.advance(keeper) == .wait)
        if hasFailed {
            store.before = { _ throws(BackendError) in throw .postgres(.tooSlow("57014")) }
            guard case .done(.failed) = first.advance(keeper) else {
                Testing.Issue.record("it has not failed")
                return
            }
            store.before = { _ in }
        } else {
            clock.advance(milliseconds: 5_000)
        }
        #expect(second.advance(keeper) == .opened)
        if !hasFailed { #expect(first.advance(keeper) == .moved(holders: 0), "it begins again") }
        #expect(run(&second) == .done(.loaded))
        #expect(known == [1, 2, 3, 4, 5, 6])
        if !hasFailed { #expect(run(&first) == .done(.loaded)) }
    }

    private func issue(_ user: Int64) {
        world.tables.issues[sale]?[UserID(user)] = ModelTables.Issue(
            sequence: user, requestID: name(UInt64(user)), at: .zero)
    }

    @Test func `pages are read in advance, but not before the coupon opens`() {
        store.readsAhead = true
        world.tables.issues[sale]?[UserID(1)] = nil
        var load = CouponLoad(of: sale, number: 1)
        #expect(run(&load) == .opened)
        issue(1)
        _ = load.advance(keeper)
        world.tables.issues[sale]?[UserID(3)] = nil
        #expect(run(&load) == .done(.loaded))
        #expect(known == [1, 2, 3, 4, 5, 6], "1 came after the opening, 3 was read before it went")
    }

    @Test func `a page that was read in advance for another attempt is not used`() {
        store.readsAhead = true
        var load = CouponLoad(of: sale, number: 1)
        #expect(run(&load) == .opened)
        _ = load.advance(keeper)
        world.redis[partition].loads = [:]
        #expect(load.advance(keeper) == .moved(holders: 0), "it begins again")
        issue(7)
        #expect(run(&load) == .opened)
        #expect(run(&load) == .done(.loaded))
        #expect(known == [1, 2, 3, 4, 5, 6, 7])
    }

    @Test func `a coupon with fewer issues opens with all of them`() {
        world.tables.coupons[sale]?.issued = 4
        world.tables.issues[sale]?[UserID(5)] = nil
        var load = CouponLoad(of: sale, number: 1)
        #expect(run(&load) == .done(.loaded))
        #expect(gates.count(of: .complete) == 0 && known == [1, 2, 3, 4, 6])
    }
}
