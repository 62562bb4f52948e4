/// Loads of many coupons with few holders, together (rule 32).
///
/// One coupon after the other would take eight round trips each: 165 coupons a second. Together they take
/// eight in all, and share Redis' fsyncs. So the more loads wait, the faster they go.
extension CouponKeeper {
    /// Loads coupons into their gates.
    /// - Parameter number: unique to these loads.
    /// - Returns: what became of them. A coupon without an entry needs a `CouponLoad` of the same number: it
    ///   has many holders, it was changed, another load has its claim, or PostgreSQL could not read all its
    ///   holders.
    public func load(
        _ coupons: [CouponID], number: LoadNumber
    ) -> [CouponID: LoadOutcome] {
        var outcomes: [CouponID: LoadOutcome] = [:]
        let claimed = claim(coupons, number, &outcomes)
        do throws(BackendError) {
            try loadClaimed(claimed, number, &outcomes)
        } catch {
            let failed = LoadOutcome.failed(failure(error))
            for place in claimed.values where outcomes[place.coupon] == nil {
                outcomes[place.coupon] = failed
                abandon(place, number)
            }
        }
        for _ in outcomes { loadBudget.spendCoupon() }
        return outcomes
    }

    /// Removes what the load has staged. If that fails, the partition's owner removes it seconds later (rule
    /// 41).
    func abandon(_ place: CouponPlace, _ load: LoadNumber) {
        try? gates.abandon(
            place.coupon, partition: place.partition, epoch: place.epoch, load: load)
    }

    /// Claims the coupons that the gates do not hold.
    private func claim(
        _ coupons: [CouponID], _ load: LoadNumber, _ outcomes: inout [CouponID: LoadOutcome]
    ) -> [CouponID: CouponPlace] {
        let views = gates.inspect(
            coupons.map { StatusQuestion(coupon: $0, user: nil) }, partitioning)
        var places: [CouponPlace] = []
        for (coupon, view) in zip(coupons, views) {
            switch view {
            case .success(let view) where view.status == .open:
                places.append(
                    CouponPlace(coupon, partitioning.partition(of: coupon), epoch: view.epoch))
            case .success: outcomes[coupon] = .failed(failure(Self.gateNotOpen))
            case .failure(let error): outcomes[coupon] = .failed(failure(error))
            }
        }
        var claimed: [CouponID: CouponPlace] = [:]
        for (place, result) in zip(places, gates.claim(places, load: load)) {
            switch result {
            case .success(.claimed): claimed[place.coupon] = place
            case .success(.alreadyLoaded): outcomes[place.coupon] = .loaded
            case .success(.stale): outcomes[place.coupon] = .failed(failure(Self.gateNotOpen))
            case .success(.filling), .success(.elsewhere): break
            case .failure(let error): outcomes[place.coupon] = .failed(failure(error))
            }
        }
        return claimed
    }

    /// Reads the holders of claimed coupons, and writes them with their records.
    private func loadClaimed(
        _ claimed: [CouponID: CouponPlace], _ load: LoadNumber,
        _ outcomes: inout [CouponID: LoadOutcome]
    ) throws(BackendError) {
        guard !claimed.isEmpty else { return }
        let marks = try store.marks(of: Array(claimed.keys))
        let existing = Set(marks.map(\.coupon.id))
        for place in claimed.values where !existing.contains(place.coupon) {
            outcomes[place.coupon] = .absent
            abandon(place, load)
        }
        let small = smallOnes(marks)
        loadsAtOnce = fitting(marks)
        guard !small.isEmpty, let holders = try holders(of: small.map(\.coupon.id)) else { return }
        let coupons = try store.coupons(with: holders, unchangedSince: small)
        let placed = coupons.compactMap { coupon in
            claimed[coupon.marks.coupon.id].map { (coupon: coupon, place: $0) }
        }
        try write(placed, load, &outcomes)
    }

    /// All holders of the coupons. Nil if there are too many, or if PostgreSQL cannot read them all: one
    /// coupon may be the reason, and the others can be loaded without it (rule 44).
    private func holders(
        of coupons: [CouponID]
    ) throws(BackendError) -> [CouponID: [LoadedHolder]]? {
        do throws(BackendError) {
            return try store.holders(of: coupons, limit: slices.holders)
        } catch {
            if error.isOfSession || coupons.count == 1 { throw error }
            return nil
        }
    }

    /// The coupons that together have at most one page of holders, and no decision on a letter that the gate
    /// does not know.
    private func smallOnes(_ marks: [LoadMarks]) -> [LoadMarks] {
        var room = Int64(slices.holders)
        return marks.filter { marks in
            guard !marks.hasUnsynced, marks.used <= room else { return false }
            room -= marks.used
            return true
        }
    }

    /// How many such coupons fill one page. No more loads than this begin together next, because a coupon
    /// that finds no room is loaded alone, with eight round trips of its own.
    private func fitting(_ marks: [LoadMarks]) -> Int {
        let page = Int64(slices.holders)
        let used = marks.lazy.filter { !$0.hasUnsynced && $0.used <= page }.map(\.used)
        // Coupons that are loaded alone anyway say nothing of the next ones.
        if used.isEmpty { return loadsAtOnce }
        let holders = used.reduce(0, +)
        let most = Int64(Limits.couponsPerSlice)
        return Int(max(1, min(most, Int64(used.count) * page / max(1, holders))))
    }

    /// Gives the gates the coupons, and then what has changed.
    private func write(
        _ coupons: [(coupon: LoadedCoupon, place: CouponPlace)], _ load: LoadNumber,
        _ outcomes: inout [CouponID: LoadOutcome]
    ) throws(BackendError) {
        var loaded: [CouponID: (version: Int64, place: CouponPlace)] = [:]
        let start = clocks.now()
        let results = gates.load(coupons, load: load)
        if coupons.contains(where: { !$0.coupon.holders.isEmpty }) {
            loadBudget.rest(after: start, now: clocks.now())
        }
        for ((coupon, place), result) in zip(coupons, results) {
            switch result {
            case .success(.loaded):
                loaded[place.coupon] = (coupon.marks.coupon.version, place)
            case .success(.alreadyLoaded): outcomes[place.coupon] = .loaded
            case .success(.superseded), .success(.incomplete): break
            case .failure(let error):
                outcomes[place.coupon] = .failed(failure(error))
                abandon(place, load)
            }
        }
        guard !loaded.isEmpty else { return }
        for coupon in loaded.keys { outcomes[coupon] = .loaded }
        try catchUp(loaded)
    }

    /// Sends the changes that were committed during a load, when the gates did not have its coupons. What
    /// fails here is in the outbox (rule 33).
    /// - Parameter loaded: where they are now, and in which version.
    func catchUp(
        _ loaded: [CouponID: (version: Int64, place: CouponPlace)]
    ) throws(BackendError) {
        for now in try store.coupons(Array(loaded.keys)) {
            guard let (version, place) = loaded[now.id], now.version > version else { continue }
            _ = try gates.set(now, partition: place.partition, epoch: place.epoch)
        }
    }
}
