/// The load of a coupon, step by step: one at a time, complete, and of one moment (rule 32).
import CouponCore
import CoreTestKit
import Testing

private let partition = PartitionID(0)

@Suite struct CouponLoadTests: KeeperSuite {
    let fixture = KeeperFixture(holders: 2)

    /// A coupon of ten with five holders, in pages of two.
    init() { fixture.create(issued: 5) }

    private var loaded: ModelRedis.Loaded? { record(of: sale) }
    private var staged: ModelRedis.Staged? { staging(of: sale) }

    private func load(_ number: LoadNumber = 1) -> CouponLoad {
        CouponLoad(of: sale, number: number)
    }

    /// Runs steps until something holds.
    private func run(_ load: inout CouponLoad, until isThere: () -> Bool) {
        for _ in 0..<100 where !isThere() { _ = load.advance(keeper) }
        #expect(isThere())
    }

    @Test func `holders come page by page, and then the coupon with all of them`() {
        var load = load()
        var pages: [Int] = []
        while case .moved(let holders) = load.advance(keeper) {
            #expect(loaded == nil)
            if holders > 0 { pages.append(holders) }
        }
        #expect(pages == [2, 2, 1])
        #expect(loaded?.used == 5 && loaded?.nextSequence == 6)
        #expect(loaded?.holders.count == 5 && staged == nil)
    }

    @Test func `the load of a coupon that does not exist ends as absent, and leaves nothing`() {
        world.tables.coupons = [:]
        var load = load()
        #expect(run(&load) == .done(.absent))
        #expect(staged == nil)
    }

    @Test func `a coupon that the gate holds is loaded at once`() {
        var (first, second) = (load(1), load(2))
        #expect(run(&first) == .done(.loaded))
        #expect(second.advance(keeper) == .done(.loaded))
    }

    @Test func `a load that finds the coupon claimed waits for the other load`() {
        var (first, second) = (load(1), load(2))
        run(&first) { staged?.holders.count == 2 }
        for _ in 0..<2 {
            clock.advance(milliseconds: 4_000)
            #expect(second.advance(keeper) == .wait)
            _ = first.advance(keeper)
        }
        #expect(run(&first) == .done(.loaded))
        #expect(run(&second) == .done(.loaded))
        #expect(gates.count(of: .load) == 1)
    }

    @Test func `a load that makes no progress is overtaken, and then waits`() {
        var (slow, other) = (load(1), load(2))
        run(&slow) { staged?.holders.count == 2 }
        clock.advance(milliseconds: 4_999)
        #expect(other.advance(keeper) == .wait)
        clock.advance(milliseconds: 1)
        run(&other) { staged?.load == 2 && staged?.holders.count == 2 }
        #expect(staged?.load == 2)
        #expect(slow.advance(keeper) == .moved(holders: 0), "it begins again")
        #expect(slow.advance(keeper) == .wait)
        #expect(staged?.load == 2 && staged?.holders.count == 2)
        #expect(run(&other) == .done(.loaded))
        #expect(run(&slow) == .done(.loaded))
    }

    @Test func `a load that is always overtaken gives up after five times`() {
        gates.before = { [world] call, _ in
            if call == .stage { world.redis[partition].loads = [:] }
        }
        var load = load()
        guard case .done(.failed(let failure)) = run(&load) else {
            Testing.Issue.record("it has not failed")
            return
        }
        #expect(failure.code == .unavailable)
        #expect(gates.count(of: .claim) == 5)
        #expect(loaded == nil && staged == nil)
    }

    @Test(arguments: [0, 1, 2])
    func `a coupon that changes while its holders are read is read again`(_ change: Int) {
        var marks = 0
        store.before = { [world] call in
            guard call == .marks else { return }
            marks += 1
            guard marks == 2 else { return }
            switch change {
            case 0:
                world.tables.coupons[sale]?.issued += 1
                world.tables.coupons[sale]?.lastSequence += 1
                world.tables.issues[sale]?[UserID(6)] = ModelTables.Issue(
                    sequence: 6, requestID: name(6), at: .zero)
            case 1:
                // A user is rejected.
                world.tables.coupons[sale]?.lastSequence += 1
                world.tables.rejections.append(rejection(.soldOut))
            default:
                world.tables.rejections.append(rejection(.deadLetter))
            }
        }
        var load = load()
        #expect(run(&load) == .done(.loaded))
        #expect(gates.count(of: .claim) == 2)
        #expect(loaded?.holders.count == 6)
        #expect(loaded?.used == (change == 1 ? 5 : 6))
    }

    private func rejection(_ reason: RejectionReason) -> Rejection {
        Rejection(
            accepted: AcceptedRequest(
                coupon: sale, user: UserID(6), sequence: 6, requestID: name(6)),
            position: Position(epoch: 1, n: 1), reason: reason, issued: nil)
    }

    @Test func `a change of the coupon itself does not restart the load, and is not lost`() {
        var reads = 0
        store.before = { [world] call in
            guard call == .marks || call == .coupons else { return }
            reads += 1
            // While the holders are read, and when the coupon has got its record.
            if reads == 2 || reads == 3 {
                world.tables.coupons[sale]?.version += 1
                world.tables.coupons[sale]?.total = Int64(10 * reads)
            }
        }
        var load = load()
        #expect(run(&load) == .done(.loaded))
        #expect(gates.count(of: .claim) == 1 && gates.count(of: .set) == 1)
        #expect(loaded?.coupon.total == 30 && loaded?.coupon.version == 3)
    }

    @Test(arguments: [true, false])
    func `a load that fails leaves nothing behind`(isPostgres: Bool) {
        var load = load()
        run(&load) { staged?.holders.count == 4 }
        if isPostgres {
            store.before = { _ throws(BackendError) in throw .postgres(.tooSlow("57014")) }
        } else {
            gates.before = { call, _ throws(BackendError) in
                if call == .stage { throw .redis(.unavailable("OOM")) }
            }
        }
        guard case .done(.failed(let failure)) = run(&load) else {
            Testing.Issue.record("it has not failed")
            return
        }
        #expect(failure.code == .unavailable)
        #expect(staged == nil && loaded == nil)
    }

    @Test func `no coupon is loaded into a gate that is not open, or is fenced during the load`() {
        var load = load()
        run(&load) { staged?.holders.count == 2 }
        world.redis[partition].gate?.isFenced = true
        guard case .done(.failed(let failure)) = run(&load) else {
            Testing.Issue.record("it has not failed")
            return
        }
        #expect(failure.code == .unavailable && loaded == nil)
    }

    @Test func `after the claim the gate gets no decision on a letter until the load has ended`() {
        store.unsynced.discarded = 1
        var calls: [FakeStore.Call] = []
        store.before = { [store] call in
            calls.append(call)
            // A transaction that was open at the claim has sent its decision to the gate, and ends now.
            if call == .wait { store.unsynced.discarded = 0 }
        }
        var load = load()
        #expect(run(&load) == .done(.loaded))
        #expect(calls.prefix(3) == [.marks, .wait, .marks])
        #expect(gates.count(of: .claim) == 1 && loaded?.used == 5)
    }

    @Test func `decisions on letters that the gate does not know do not restart the load`() {
        world.tables.rejections = [rejection(.deadLetter)]
        var marks = 0
        store.before = { [world, store] call in
            guard call == .marks else { return }
            marks += 1
            guard marks == 2 else { return }
            world.tables.rejections = []
            store.unsynced.redriven = 1
            world.tables.coupons[sale]?.issued += 1
        }
        var load = load()
        #expect(run(&load) == .done(.loaded))
        #expect(gates.count(of: .claim) == 1 && loaded?.used == 6)
    }

    @Test func `a dead letter that an earlier version's daemon decides restarts the load`() {
        world.tables.rejections = [rejection(.deadLetter)]
        var load = load()
        run(&load) { staged?.holders.count == 3 }
        // That daemon's letter.lua ends the load like this.
        world.tables.rejections = []
        world.redis[partition].loads = [:]
        #expect(run(&load) == .done(.loaded))
        #expect(gates.count(of: .claim) == 2)
        #expect(loaded?.used == 5 && loaded?.holders.count == 5)
    }
}
