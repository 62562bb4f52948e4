/// Requests that wait for the gate, by coupon. Requests of one turn of the loop go in one call; requests that
/// come while calls are in flight form the next call. Coupons take turns.
internal import DequeModule

struct CouponBatches {
    /// A class, so that it is changed in place: a dictionary's value would be looked up and stored again.
    private final class PendingBatch {
        var pending: Deque<UInt64> = []
        /// How many of the first ones were sent before.
        var returned = 0
        /// The gate is asked for the coupon's state even if no request is pending.
        var wantsRefresh = false
        /// In `ready`.
        var isReady = false
        /// Being loaded into the gate: nothing is sent until that ends.
        var isLoading = false
    }

    private var batches: [CouponID: PendingBatch] = [:]
    private var ready: Deque<CouponID> = []
    /// The one used last: in a sale nearly every request is for the same coupon.
    private var last: (coupon: CouponID, batch: PendingBatch)?

    var isEmpty: Bool { ready.isEmpty }

    private mutating func batch(of coupon: CouponID) -> PendingBatch? {
        if let last, last.coupon == coupon { return last.batch }
        guard let batch = batches[coupon] else { return nil }
        last = (coupon, batch)
        return batch
    }

    private mutating func makeBatch(of coupon: CouponID) -> PendingBatch {
        if let batch = batch(of: coupon) { return batch }
        let batch = PendingBatch()
        batches[coupon] = batch
        last = (coupon, batch)
        return batch
    }

    private mutating func forget(_ coupon: CouponID) {
        batches[coupon] = nil
        last = nil
    }

    mutating func append(_ ticket: UInt64, for coupon: CouponID) {
        let batch = makeBatch(of: coupon)
        batch.pending.append(ticket)
        makeReady(batch, coupon)
    }

    mutating func refresh(_ coupon: CouponID) {
        let batch = makeBatch(of: coupon)
        batch.wantsRefresh = true
        makeReady(batch, coupon)
    }

    /// Puts tickets back to the front, in order, after a call that did not judge them. Calls are answered in
    /// order, so the tickets of the next call come behind those of the last one.
    mutating func putBack(_ tickets: [UInt64], for coupon: CouponID) {
        hold(tickets, for: coupon)
        makeReady(coupon)
    }

    /// Keeps tickets in their place without making the coupon ready: its next request does that, or
    /// `makeReady`. If tickets wait that were never sent, the coupon becomes ready for them.
    mutating func hold(_ tickets: [UInt64], for coupon: CouponID) {
        guard !tickets.isEmpty else { return finishTurn(of: coupon) }
        let batch = makeBatch(of: coupon)
        batch.pending.insert(contentsOf: tickets, at: batch.returned)
        batch.returned += tickets.count
        if batch.pending.count > batch.returned { makeReady(batch, coupon) }
    }

    /// Puts a coupon with something to send in line.
    mutating func makeReady(_ coupon: CouponID) {
        if let batch = batch(of: coupon) { makeReady(batch, coupon) }
    }

    private mutating func makeReady(_ batch: PendingBatch, _ coupon: CouponID) {
        guard !batch.isReady, !batch.isLoading else { return }
        batch.isReady = true
        ready.append(coupon)
    }

    /// The next coupon whose turn it is.
    mutating func nextCoupon() -> CouponID? {
        while let coupon = ready.popFirst() {
            guard let batch = batch(of: coupon) else { continue }
            batch.isReady = false
            if !batch.isLoading { return coupon }
        }
        return nil
    }

    /// Removes the next ticket of a coupon.
    mutating func popFirst(of coupon: CouponID) -> UInt64? {
        guard let batch = batch(of: coupon), let ticket = batch.pending.popFirst() else {
            return nil
        }
        batch.returned = max(0, batch.returned - 1)
        return ticket
    }

    /// Whether the gate is to be asked for the coupon's state; true once.
    mutating func dequeueRefresh(of coupon: CouponID) -> Bool {
        guard let batch = batch(of: coupon), batch.wantsRefresh else { return false }
        batch.wantsRefresh = false
        return true
    }

    /// After a turn: a coupon with more to send gets in line again, one without is forgotten.
    mutating func finishTurn(of coupon: CouponID) {
        guard let batch = batch(of: coupon) else { return }
        if !batch.pending.isEmpty || batch.wantsRefresh {
            makeReady(batch, coupon)
        } else if !batch.isLoading {
            forget(coupon)
        }
    }

    /// True if a load must be started; false if one is running.
    mutating func beginLoad(of coupon: CouponID) -> Bool {
        let batch = makeBatch(of: coupon)
        defer { batch.isLoading = true }
        return !batch.isLoading
    }

    mutating func endLoad(of coupon: CouponID) {
        batch(of: coupon)?.isLoading = false
        finishTurn(of: coupon)
    }

    /// How many tickets of the coupon wait.
    mutating func count(of coupon: CouponID) -> Int { batch(of: coupon)?.pending.count ?? 0 }

    /// Removes all tickets of a coupon.
    mutating func removeAll(of coupon: CouponID) -> [UInt64] {
        guard let batch = batch(of: coupon) else { return [] }
        defer {
            batch.pending = []
            batch.returned = 0
            batch.wantsRefresh = false
        }
        return Array(batch.pending)
    }

    /// The coupons with something pending, loading or to be refreshed.
    var coupons: [CouponID] { Array(batches.keys) }

    /// Puts every coupon with something to send in line.
    mutating func makeAllReady() { for coupon in coupons { makeReady(coupon) } }
}
