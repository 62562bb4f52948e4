/// Lookups of coupons in PostgreSQL, and their loads into the gate.
internal import CouponCore

extension BlockingLane {
    /// The coupons that exist.
    func lookUp(_ coupons: [CouponID]) -> Result<[CouponID: Coupon], Failure> {
        do throws(BackendError) {
            let found = try store.coupons(coupons)
            return .success(
                Dictionary(found.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first }))
        } catch {
            return .failure(keeper.failure(error))
        }
    }

    /// The standings of users in PostgreSQL, in their order.
    func recall(_ users: [CouponUser]) -> Result<[UserStanding?], Failure> {
        do throws(BackendError) {
            return .success(
                try store.standings(of: users))
        } catch {
            return .failure(keeper.failure(error))
        }
    }

    /// Loads a coupon once for all requests for it. The loads that are asked for while the lane is busy begin
    /// together.
    func load(_ coupon: CouponID, then ended: @escaping @Sendable (LoadOutcome) -> Void) {
        guard loads[coupon] == nil else {
            loads[coupon]?.append(ended)
            return
        }
        loads[coupon] = [ended]
        loadsToBegin.append(coupon)
        changeWaiting(by: 1)
        if loadsToBegin.count == 1 { goOn { $0.beginLoads() } }
    }

    /// Loads coupons with few holders. The others are loaded in slices between the lane's other jobs, so that
    /// no job waits for millions of holders.
    private func beginLoads() {
        let wait = keeper.loadBudget.wait(now: clocks.now())
        guard wait == 0 else { return _ = goOn(after: wait) { $0.beginLoads() } }
        let most = min(keeper.loadsAtOnce, keeper.loadBudget.couponsLeft)
        let coupons = Array(loadsToBegin.prefix(most))
        loadsToBegin.removeFirst(coupons.count)
        changeWaiting(by: -coupons.count)
        let number = LoadNumber.random(in: 1...(.max))
        let outcomes = keeper.load(coupons, number: number)
        for coupon in coupons {
            if let outcome = outcomes[coupon] {
                end(coupon, outcome)
            } else {
                goOn { $0.step(CouponLoad(of: coupon, number: number)) }
            }
        }
        if !loadsToBegin.isEmpty { goOn { $0.beginLoads() } }
    }

    private func end(_ coupon: CouponID, _ outcome: LoadOutcome) {
        for ended in loads.removeValue(forKey: coupon) ?? [] { ended(outcome) }
    }

    /// Loads the coupons of this daemon's partitions that open soon. Called each second.
    func loadOpening() {
        do throws(BackendError) {
            let opening = try store.opening(
                within: Limits.openingMilliseconds, limit: Limits.openingCoupons)
            openings.update(
                opening.filter { environment.owns(partitioning.partition(of: $0)) })
            beginOpenings()
        } catch {
            _ = keeper.failure(error)
        }
    }

    /// Loads for callers go first, and so do loads that have begun; the end of a load begins more.
    private func beginOpenings() {
        guard waiting == 0 else { return openings.postpone() }
        for coupon in openings.begin() {
            load(coupon) { [self] outcome in goOn { $0.endOpening(coupon, outcome) } }
        }
    }

    private func endOpening(_ coupon: CouponID, _ outcome: LoadOutcome) {
        let failed = if case .failed = outcome { true } else { false }
        // The ends of the other loads that began with this one are in the lane's queue already.
        if openings.end(coupon, failed: failed) { goOn { $0.beginOpenings() } }
    }

    private func step(_ load: CouponLoad) {
        let wait = keeper.loadBudget.wait(now: clocks.now())
        guard wait == 0 else { return later(load, milliseconds: wait) }
        var load = load
        switch load.advance(keeper) {
        case .moved: goOn { [load] in $0.step(load) }
        case .opened:
            // A caller that asks from here on waits for the end of the load.
            for ended in loads.updateValue([], forKey: load.coupon) ?? [] { ended(.loaded) }
            goOn { [load] in $0.step(load) }
        case .wait:
            later(load, milliseconds: Limits.loadPauseMilliseconds)
        case .done(let outcome):
            keeper.loadBudget.spendCoupon()
            end(load.coupon, outcome)
        }
    }

    private func later(_ load: CouponLoad, milliseconds: Int64) {
        goOn(after: milliseconds) { $0.step(load) }
    }
}
