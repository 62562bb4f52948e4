/// Loads of many coupons with few holders, together (rule 32).
import CouponCore
import CoreTestKit
import Testing

@Suite struct LoadsTogetherTests: KeeperSuite {
    let fixture = KeeperFixture(partitions: 2, holders: 20)
    private let coupons = (1...6 as ClosedRange<Int64>).map { CouponID($0) }

    /// Six coupons of ten with one holder each; a page has 20 holders.
    init() { for coupon in coupons { fixture.create(coupon, issued: 1) } }

    private func partition(of coupon: CouponID) -> PartitionID {
        world.partitioning.partition(of: coupon)
    }

    /// All coupons but some are loaded.
    private func expectLoaded(
        _ outcomes: [CouponID: LoadOutcome], except others: CouponID...
    ) {
        expectLoaded(outcomes, except: others)
    }

    private func expectLoaded(
        _ outcomes: [CouponID: LoadOutcome], except others: [CouponID]
    ) {
        for coupon in coupons where !others.contains(coupon) {
            #expect(outcomes[coupon] == .loaded)
            #expect(record(of: coupon)?.used == 1 && record(of: coupon)?.holders.count == 1)
        }
    }

    /// Goes on with a load of its own.
    private func loadAlone(_ coupon: CouponID) -> CouponLoad.Step {
        var load = CouponLoad(of: coupon, number: 1)
        return run(&load)
    }

    @Test func `however many coupons are loaded, PostgreSQL is asked four times`() {
        var calls: [FakeStore.Call] = []
        store.before = { calls.append($0) }
        expectLoaded(keeper.load(coupons, number: 1))
        #expect(calls == [.marks, .holdersOfMany, .marks, .coupons])
    }

    @Test func `a coupon that does not exist is absent, and nothing of it is left`() {
        world.tables.coupons[coupons[2]] = nil
        let outcomes = keeper.load(coupons, number: 1)
        expectLoaded(outcomes, except: coupons[2])
        #expect(outcomes[coupons[2]] == .absent && staging(of: coupons[2]) == nil)
    }

    @Test func `coupons with many holders are left to loads of their own`() {
        world.issue(coupons[4], to: 2...19)
        world.tables.coupons[coupons[4]]?.issued = 19
        let outcomes = keeper.load(coupons, number: 1)
        expectLoaded(outcomes, except: coupons[4])
        #expect(outcomes[coupons[4]] == nil && record(of: coupons[4]) == nil)
        #expect(loadAlone(coupons[4]) == .done(.loaded))
        #expect(record(of: coupons[4])?.holders.count == 19)
    }

    @Test func `a coupon whose holders change while they are read is left to a load of its own`() {
        store.before = { [world, coupons] call in
            guard call == .holdersOfMany else { return }
            world.tables.coupons[coupons[1]]?.issued = 2
            world.tables.coupons[coupons[1]]?.lastSequence = 2
        }
        let outcomes = keeper.load(coupons, number: 1)
        expectLoaded(outcomes, except: coupons[1])
        #expect(outcomes[coupons[1]] == nil && record(of: coupons[1]) == nil)
    }

    @Test func `a coupon whose gate lacks a decision on a letter is left to a load of its own`() {
        store.unsynced.discarded = 1
        #expect(keeper.load(coupons, number: 1).isEmpty)
        #expect(coupons.allSatisfy { record(of: $0) == nil && staging(of: $0) != nil })
    }

    @Test func `a coupon that another load has claimed is left to it`() {
        let other = coupons[0]
        _ = world.redis.claim(
            other, partition: partition(of: other), epoch: 1, load: 2, now: clock.wallNow)
        let outcomes = keeper.load(coupons, number: 1)
        expectLoaded(outcomes, except: other)
        #expect(outcomes[other] == nil && staging(of: other)?.load == 2)
        #expect(loadAlone(other) == .wait)
    }

    @Test func `coupons that the gates hold are loaded at once`() {
        expectLoaded(keeper.load(coupons, number: 1))
        expectLoaded(keeper.load(coupons, number: 2))
        #expect(gates.count(of: .load) == coupons.count)
    }

    @Test func `a change that is committed during the load reaches the gate`() {
        store.before = { [world, coupons] call in
            guard call == .coupons else { return }
            world.tables.coupons[coupons[3]]?.version += 1
            world.tables.coupons[coupons[3]]?.total = 20
        }
        expectLoaded(keeper.load(coupons, number: 1))
        #expect(record(of: coupons[3])?.coupon.total == 20)
        #expect(gates.count(of: .set) == 1)
    }

    @Test(arguments: [true, false])
    func `if a server fails, nothing is left behind`(isPostgres: Bool) {
        if isPostgres {
            store.before = { call throws(BackendError) in
                if call == .holdersOfMany { throw .postgres(.sessionLost("away")) }
            }
        } else {
            gates.before = { call, _ throws(BackendError) in
                if call == .load { throw .redis(.unavailable("OOM")) }
            }
        }
        let outcomes = keeper.load(coupons, number: 1)
        for coupon in coupons {
            guard case .failed(let failure) = outcomes[coupon] else {
                Testing.Issue.record("\(coupon) has not failed")
                continue
            }
            #expect(failure.code == .unavailable)
            #expect(staging(of: coupon) == nil && record(of: coupon) == nil)
        }
    }

    @Test func `if PostgreSQL cannot read all, each coupon is left to a load of its own`() {
        store.before = { call throws(BackendError) in
            if call == .holdersOfMany { throw .postgres(.tooSlow("57014")) }
        }
        #expect(keeper.load(coupons, number: 1).isEmpty)
        #expect(coupons.allSatisfy { staging(of: $0) != nil })
        for coupon in coupons { #expect(loadAlone(coupon) == .done(.loaded)) }
        world.tables.coupons[7] = .sample(7, total: 10, issued: 1)
        guard case .failed? = keeper.load([7], number: 2)[7] else {
            Testing.Issue.record("one alone has not failed")
            return
        }
    }

    @Test func `a partition whose gate is away or not open fails alone`() {
        let away = partition(of: coupons[0])
        world.redis[away].gate?.isFenced = true
        let outcomes = keeper.load(coupons, number: 1)
        for coupon in coupons {
            if partition(of: coupon) == away {
                guard case .failed = outcomes[coupon] else {
                    Testing.Issue.record("\(coupon) has not failed")
                    continue
                }
            } else {
                #expect(outcomes[coupon] == .loaded)
            }
        }
    }

    /// A page has 20 holders.
    @Test func `no more coupons are loaded together than fill one page`() {
        let many = coupons.suffix(4)
        for coupon in many {
            world.issue(coupon, to: 2...10)
            world.tables.coupons[coupon]?.issued = 10
        }
        let outcomes = keeper.load(Array(many), number: 1)
        #expect(outcomes.count == 2 && keeper.loadsAtOnce == 2)
        expectLoaded(keeper.load(Array(coupons.prefix(2)), number: 2), except: Array(many))
        #expect(keeper.loadsAtOnce == 20, "they have one holder each")
        _ = keeper.load([CouponID(9_000)], number: 3)
        #expect(keeper.loadsAtOnce == 20, "one that is absent says nothing of the next ones")
    }
}
