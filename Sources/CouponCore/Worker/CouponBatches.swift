/// Requests that wait for the gate, by coupon, and the coupons that have a turn, by partition.
///
/// Requests of one turn of the loop go in one call for each partition. Those that come while it is in flight
/// form the next one; a coupon with many of them does not wait for it. Partitions take turns, and so do the
/// coupons of each.
internal import DequeModule

final class CouponBatches {
    /// A class, so that it is changed in place: a dictionary's value would be looked up and stored again.
    private final class PendingBatch {
        let partition: PartitionID
        var pending: Deque<UInt64> = []
        /// How many of the first ones were sent before.
        var returned = 0
        /// The gate is asked for the coupon's state even if no request is pending.
        var wantsRefresh = false
        /// Has a turn. A coupon that is in a line and no longer ready is skipped.
        var isReady = false
        /// In the lines of its partition. It leaves a line only at its turn.
        var isInLine = false
        var isInFullLine = false
        /// Being loaded into the gate: nothing is sent until that ends.
        var isLoading = false

        init(partition: PartitionID) { self.partition = partition }

        var isEmpty: Bool { pending.isEmpty && !wantsRefresh }
        var isFull: Bool { pending.count >= Limits.minimumConcurrentBatch }
    }

    /// The coupons of a partition that have a turn.
    private struct Line {
        var all: Deque<CouponID> = []
        /// Those with enough requests for a call while another one is in flight.
        var full: Deque<CouponID> = []
        /// The partition is in `ready`.
        var isReady = false
        /// A call was answered: all coupons have a turn, even while other calls are in flight.
        var isDue = false
    }

    private let partitioning: Partitioning
    private var batches: [CouponID: PendingBatch] = [:]
    private var lines: [Line]
    private var ready: Deque<PartitionID> = []
    /// The one used last: in a sale nearly every request is for the same coupon.
    private var last: (coupon: CouponID, batch: PendingBatch)?

    init(partitioning: Partitioning) {
        self.partitioning = partitioning
        lines = Array(repeating: Line(), count: partitioning.count)
    }

    private func batch(of coupon: CouponID) -> PendingBatch? {
        if let last, last.coupon == coupon { return last.batch }
        guard let batch = batches[coupon] else { return nil }
        last = (coupon, batch)
        return batch
    }

    private func makeBatch(of coupon: CouponID) -> PendingBatch {
        if let batch = batch(of: coupon) { return batch }
        let batch = PendingBatch(partition: partitioning.partition(of: coupon))
        batches[coupon] = batch
        last = (coupon, batch)
        return batch
    }

    private func forget(_ coupon: CouponID) {
        batches[coupon] = nil
        last = nil
    }

    func append(_ ticket: UInt64, for coupon: CouponID) {
        let batch = makeBatch(of: coupon)
        batch.pending.append(ticket)
        makeReady(batch, coupon)
    }

    func refresh(_ coupon: CouponID) {
        let batch = makeBatch(of: coupon)
        batch.wantsRefresh = true
        makeReady(batch, coupon)
    }

    /// Puts tickets back to the front, in order, after a call that did not judge them. Calls are answered in
    /// order, so the tickets of the next call come after those of the last one.
    func putBack(_ tickets: [UInt64], for coupon: CouponID) {
        hold(tickets, for: coupon)
        makeReady(coupon)
    }

    /// Keeps tickets in their place without making the coupon ready: its next request does that, or
    /// `makeReady`. If tickets wait that were never sent, the coupon becomes ready for them.
    func hold(_ tickets: [UInt64], for coupon: CouponID) {
        guard !tickets.isEmpty else { return finishTurn(of: coupon) }
        let batch = makeBatch(of: coupon)
        batch.pending.insert(contentsOf: tickets, at: batch.returned)
        batch.returned += tickets.count
        if batch.pending.count > batch.returned { makeReady(batch, coupon) }
    }

    /// Puts a coupon with something to send in line.
    func makeReady(_ coupon: CouponID) {
        if let batch = batch(of: coupon) { makeReady(batch, coupon) }
    }

    private func makeReady(_ batch: PendingBatch, _ coupon: CouponID) {
        guard !batch.isLoading, !batch.isEmpty else { return }
        batch.isReady = true
        let partition = batch.partition
        if !batch.isInLine {
            batch.isInLine = true
            lines[partition.rawValue].all.append(coupon)
        }
        if batch.isFull, !batch.isInFullLine {
            batch.isInFullLine = true
            lines[partition.rawValue].full.append(coupon)
        }
        makeReady(partition)
    }

    /// Puts a partition with coupons that have a turn in line.
    func makeReady(_ partition: PartitionID) {
        guard !lines[partition.rawValue].isReady, !lines[partition.rawValue].all.isEmpty else {
            return
        }
        lines[partition.rawValue].isReady = true
        ready.append(partition)
    }

    /// A call of the partition was answered: the coupons that waited for it have a turn, even if another call
    /// is in flight. Otherwise a coupon with many requests, which always has a call in flight, would keep the
    /// others waiting.
    func makeDue(_ partition: PartitionID) {
        lines[partition.rawValue].isDue = true
        makeReady(partition)
    }

    /// Whether a call was answered since this was last asked.
    func dequeueDue(_ partition: PartitionID) -> Bool {
        defer { lines[partition.rawValue].isDue = false }
        return lines[partition.rawValue].isDue
    }

    /// The next partition whose turn it is.
    func nextPartition() -> PartitionID? {
        guard let partition = ready.popFirst() else { return nil }
        lines[partition.rawValue].isReady = false
        return partition
    }

    /// The next coupon of a partition whose turn it is.
    /// - Parameter isFull: only one with enough requests for a call while another one is in flight.
    func nextCoupon(of partition: PartitionID, isFull: Bool = false) -> CouponID? {
        while let coupon = isFull
            ? lines[partition.rawValue].full.popFirst() : lines[partition.rawValue].all.popFirst()
        {
            guard let batch = batch(of: coupon) else { continue }
            if isFull { batch.isInFullLine = false } else { batch.isInLine = false }
            guard batch.isReady, !batch.isLoading, !isFull || batch.isFull else {
                forgetIfEmpty(batch, coupon)
                continue
            }
            batch.isReady = false
            return coupon
        }
        if !isFull { clearFullLine(of: partition) }
        return nil
    }

    /// Empties `full` when `all` is empty: every ready coupon is in `all`, so none in `full` is ready.
    private func clearFullLine(of partition: PartitionID) {
        while let coupon = lines[partition.rawValue].full.popFirst() {
            guard let batch = batch(of: coupon) else { continue }
            batch.isInFullLine = false
            forgetIfEmpty(batch, coupon)
        }
    }

    /// Removes the next ticket of a coupon.
    func popFirst(of coupon: CouponID) -> UInt64? {
        guard let batch = batch(of: coupon), let ticket = batch.pending.popFirst() else {
            return nil
        }
        batch.returned = max(0, batch.returned - 1)
        return ticket
    }

    /// Whether the gate is to be asked for the coupon's state; true once.
    func dequeueRefresh(of coupon: CouponID) -> Bool {
        guard let batch = batch(of: coupon), batch.wantsRefresh else { return false }
        batch.wantsRefresh = false
        return true
    }

    /// After a turn: a coupon with more to send gets in line again, one without is forgotten.
    func finishTurn(of coupon: CouponID) {
        guard let batch = batch(of: coupon) else { return }
        makeReady(batch, coupon)
        forgetIfEmpty(batch, coupon)
    }

    private func forgetIfEmpty(_ batch: PendingBatch, _ coupon: CouponID) {
        if batch.isEmpty, !batch.isLoading, !batch.isInLine, !batch.isInFullLine { forget(coupon) }
    }

    /// True if a load must be started; false if one is running.
    func beginLoad(of coupon: CouponID) -> Bool {
        let batch = makeBatch(of: coupon)
        defer { batch.isLoading = true }
        return !batch.isLoading
    }

    /// Whether the coupon's requests wait for a load.
    func isLoading(_ coupon: CouponID) -> Bool { batch(of: coupon)?.isLoading ?? false }

    func endLoad(of coupon: CouponID) {
        batch(of: coupon)?.isLoading = false
        finishTurn(of: coupon)
    }

    /// How many tickets of the coupon wait.
    func count(of coupon: CouponID) -> Int { batch(of: coupon)?.pending.count ?? 0 }

    /// Removes all tickets of a coupon.
    func removeAll(of coupon: CouponID) -> [UInt64] {
        guard let batch = batch(of: coupon) else { return [] }
        defer {
            batch.pending = []
            batch.returned = 0
            batch.wantsRefresh = false
        }
        return Array(batch.pending)
    }

    /// Removes some tickets of a coupon; the others keep their order.
    func removeAll(
        of coupon: CouponID, where isRemoved: (UInt64) -> Bool
    ) -> [UInt64] {
        guard let batch = batch(of: coupon) else { return [] }
        let removed = batch.pending.filter(isRemoved)
        guard !removed.isEmpty else { return [] }
        batch.returned -= batch.pending.prefix(batch.returned).count(where: isRemoved)
        batch.pending.removeAll(where: isRemoved)
        return Array(removed)
    }

    /// The coupons with something pending, loading or to be refreshed.
    var coupons: [CouponID] {
        batches.filter { !$0.value.isEmpty || $0.value.isLoading }.map(\.key)
    }

    /// Puts every coupon with something to send in line.
    func makeAllReady() { for coupon in coupons { makeReady(coupon) } }
}
