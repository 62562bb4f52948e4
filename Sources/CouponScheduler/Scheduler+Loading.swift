/// Loads the coupons with queued entries, and their holders, into a fenced gate (rule 30). Other coupons load
/// at first use.
///
/// During a rebuild nothing is issued, but an admin may decide on a dead letter. If the marks of a coupon
/// change while its holders are read, it is read again.
internal import CouponCore

extension Scheduler {
    /// Loads some small coupons, or a page of a large one.
    func load(_ rebuild: inout Rebuild) throws(BackendError) {
        if let large = rebuild.large { return try loadPage(large, &rebuild) }
        if rebuild.marked.isEmpty {
            guard !rebuild.coupons.isEmpty else { return rebuild.begin(.counting) }
            let next = Array(rebuild.coupons.suffix(couponsAtOnce(rebuild.row.id)))
            rebuild.marked = try ledger.marks(of: next)
            // Deleted coupons get no record; their entries are rejected when they are drained.
            rebuild.coupons.removeLast(next.count)
        }
        let small = rebuild.marked.fitting(Int64(options.slices.holders))
        if !small.isEmpty, try load(small, rebuild.row) {
            rebuild.marked.removeFirst(small.count)
        } else if !rebuild.marked.isEmpty {
            // It is large, has more rejected users than issues, or one of the coupons has changed.
            rebuild.large = Rebuild.LargeLoad(marks: rebuild.marked.removeFirst())
        }
    }

    private func couponsAtOnce(_ partition: PartitionID) -> Int {
        let othersKeepUp = othersKeepUpInAnyLane(with: partition, options.clocks.now())
        return othersKeepUp ? options.slices.couponsBesideOthers : options.slices.coupons
    }

    /// Loads small coupons, all at once. False if they have too many holders, or have changed.
    private func load(
        _ marks: ArraySlice<LoadMarks>, _ row: PartitionRow
    ) throws(BackendError) -> Bool {
        let holders = try ledger.holders(
            of: marks.map(\.coupon.id), limit: options.slices.holders)
        guard let holders else { return false }
        let coupons = try ledger.coupons(with: holders, unchangedSince: marks)
        guard coupons.count == marks.count else { return false }
        return try load(coupons, row) != .incomplete
    }

    private func loadPage(
        _ large: Rebuild.LargeLoad, _ rebuild: inout Rebuild
    ) throws(BackendError) {
        let (row, id) = (rebuild.row, large.marks.coupon.id)
        guard large.place != .end else { return try finish(large, &rebuild) }
        let page = try ledger.holders(of: id, after: large.place, limit: options.slices.holders)
        let staged = try gates.stage(
            page.holders, of: id, partition: row.id, epoch: row.epoch, load: nil)
        if !staged { throw .overtaken("cannot stage holders: epoch \(row.epoch) is over") }
        rebuild.large = Rebuild.LargeLoad(
            marks: large.marks, place: page.end,
            staged: large.staged + Int64(page.holders.count))
    }

    private func finish(
        _ large: Rebuild.LargeLoad, _ rebuild: inout Rebuild
    ) throws(BackendError) {
        let id = large.marks.coupon.id
        guard let now = try ledger.marks(of: [id]).first else {
            rebuild.large = nil
            return
        }
        let isSame = now.haveSameHolders(as: large.marks)
        // If the coupon has changed, the staged holders are incomplete and are dropped.
        let coupon = LoadedCoupon(marks: now, staged: isSame ? large.staged : -1)
        let isLoaded = try load([coupon], rebuild.row) != .incomplete
        rebuild.large = isLoaded ? nil : Rebuild.LargeLoad(marks: now)
    }

    private func load(
        _ coupons: [LoadedCoupon], _ row: PartitionRow
    ) throws(BackendError) -> LoadResult {
        let result = try gates.load(coupons, partition: row.id, epoch: row.epoch, load: nil)
        if result == .superseded {
            throw .overtaken("cannot load coupons: epoch \(row.epoch) is over")
        }
        return result
    }
}

extension [LoadMarks] {
    /// The first coupons that have at most `limit` holders together, as far as is known.
    fileprivate func fitting(_ limit: Int64) -> ArraySlice<LoadMarks> {
        var room = limit
        return prefix { marks in
            room -= marks.used
            return room >= 0
        }
    }
}
