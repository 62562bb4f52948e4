/// The way of coupons into the gate: what PostgreSQL says of them, and their loads.
internal import CouponCore

extension BlockingLane {
    /// The coupons that exist.
    func lookUp(_ coupons: [CouponID]) -> Result<[CouponID: Coupon], Failure> {
        do throws(Failure) {
            let found = try keeper.ledger { () throws(LedgerError) in try store.coupons(coupons) }
            return .success(
                Dictionary(found.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first }))
        } catch {
            return .failure(error)
        }
    }

    /// What PostgreSQL knows of users, in order.
    func recall(_ users: [CouponUser]) -> Result<[UserStanding?], Failure> {
        do throws(Failure) {
            return .success(
                try keeper.ledger { () throws(LedgerError) in try store.standings(of: users) })
        } catch {
            return .failure(error)
        }
    }

    /// Loads a coupon, for all who ask for it. Loads go in steps, and take turns with what else the
    /// lane does, so that none waits for another's millions of holders.
    func load(_ coupon: CouponID, then tell: @escaping @Sendable (LoadOutcome) -> Void) {
        guard loads[coupon] == nil else {
            loads[coupon]?.append(tell)
            return
        }
        loads[coupon] = [tell]
        step(CouponLoad(of: coupon, number: .random(in: 1...(.max))))
    }

    private func step(_ load: CouponLoad) {
        guard loadBudget.admits(now: clocks.now()) else { return later(load) }
        var load = load
        switch load.advance(keeper) {
        case .moved(let holders):
            loadBudget.spend(holders: holders)
            goOn { [load] in $0.step(load) }
        case .wait:
            later(load)
        case .done(let outcome):
            loadBudget.spendCoupon()
            for tell in loads.removeValue(forKey: load.coupon) ?? [] { tell(outcome) }
        }
    }

    private func later(_ load: CouponLoad) {
        goOn(after: Limits.loadPauseMilliseconds) { $0.step(load) }
    }
}

/// What the loads of one daemon may stage in a second, so that they leave Redis to the gates.
struct LoadBudget {
    private var endsAt: MonotonicTime
    private var holders = 0
    private var coupons = 0

    init(now: MonotonicTime) { endsAt = now }

    /// Whether something is left of this second's.
    mutating func admits(now: MonotonicTime) -> Bool {
        if now >= endsAt {
            endsAt = now.advanced(byMilliseconds: 1_000)
            holders = Limits.holdersLoadedPerSecond
            coupons = Limits.couponsLoadedPerSecond
        }
        return holders > 0 && coupons > 0
    }

    mutating func spend(holders: Int) { self.holders -= holders }

    mutating func spendCoupon() { coupons -= 1 }
}
