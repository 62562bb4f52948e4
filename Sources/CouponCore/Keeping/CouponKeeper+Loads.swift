/// Loads of many coupons with few holders, together (rule 32).
///
/// One coupon after the other would take eight round trips each: 165 coupons a second. Together they take
/// eight in all, and share Redis' fsyncs. So the more loads wait, the faster they go.
extension CouponKeeper {
    /// Loads coupons into their gates.
    /// - Parameter number: unique to these loads.
    /// - Returns: what became of them. A coupon without an entry needs a `CouponLoad` of the same number: it
    ///   has many holders, was changed, another load has its claim, or PostgreSQL could not read them all.
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

    /// If that fails, the partition's owner removes what was staged, seconds later (rule 41).
    private func abandon(_ place: CouponPlace, _ load: LoadNumber) {
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
            case .success: outcomes[coupon] = .failed(failure(CouponLoad.notOpen))
            case .failure(let error): outcomes[coupon] = .failed(failure(error))
            }
        }
        var claimed: [CouponID: CouponPlace] = [:]
        for (place, result) in zip(places, gates.claim(places, load: load)) {
            switch result {
            case .success(.claimed): claimed[place.coupon] = place
            case .success(.alreadyLoaded): outcomes[place.coupon] = .loaded
            case .success(.stale): outcomes[place.coupon] = .failed(failure(CouponLoad.notOpen))
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
        let ids = small.map(\.coupon.id)
        guard !small.isEmpty, let holders = try holders(of: ids) else { return }
        let before = Dictionary(uniqueKeysWithValues: small.map { ($0.coupon.id, $0) })
        var loaded: [(LoadedCoupon, CouponPlace)] = []
        for now in try store.marks(of: ids) {
            let id = now.coupon.id
            guard let place = claimed[id], let earlier = before[id],
                now.haveSameHolders(as: earlier)
            else { continue }
            loaded.append((LoadedCoupon(marks: now, holders: holders[id] ?? []), place))
        }
        try write(loaded, load, &outcomes)
    }

    /// Nil if there are too many, or if PostgreSQL cannot read all of them: one coupon may be the reason, and
    /// the others can be loaded without it (rule 44).
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

    /// Those that have as many holders as one page at most, together, and no decision on a letter that the
    /// gate does not know.
    private func smallOnes(_ marks: [LoadMarks]) -> [LoadMarks] {
        var room = Int64(slices.holders)
        return marks.filter { marks in
            guard !marks.hasUnsynced, marks.used <= room else { return false }
            room -= marks.used
            return true
        }
    }

    /// How many such coupons fill one page: loads that begin next are no more, because what finds no room is
    /// loaded alone, with eight round trips of its own.
    private func fitting(_ marks: [LoadMarks]) -> Int {
        let page = Int64(slices.holders)
        let used = marks.lazy.filter { !$0.hasUnsynced && $0.used <= page }.map(\.used)
        // Coupons that are loaded alone anyway say nothing of the next ones.
        if used.isEmpty { return loadsAtOnce }
        let holders = used.reduce(0, +)
        let most = Int64(Limits.couponsPerSlice)
        return Int(max(1, min(most, Int64(used.count) * page / max(1, holders))))
    }

    /// Gives the gates the coupons, and changes of them that were committed in the meantime.
    private func write(
        _ coupons: [(coupon: LoadedCoupon, place: CouponPlace)], _ load: LoadNumber,
        _ outcomes: inout [CouponID: LoadOutcome]
    ) throws(BackendError) {
        var loaded: [CouponID: (version: Int64, place: CouponPlace)] = [:]
        for ((coupon, place), result) in zip(coupons, gates.load(coupons, load: load)) {
            loadBudget.spend(holders: coupon.holders.count)
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
        // What fails from here on is in the outbox (rule 33).
        for now in try store.coupons(Array(loaded.keys)) {
            guard let (version, place) = loaded[now.id], now.version > version else { continue }
            _ = try gates.set(now, partition: place.partition, epoch: place.epoch)
        }
    }
}
