/// What waits for the gate, by coupon: natural batching. What came in one turn of the loop goes in one
/// call; what comes while calls are under way forms the next. Coupons take turns.
internal import DequeModule

struct CouponBatches {
    private struct Batch {
        var pending: Deque<UInt64> = []
        /// How many of the first ones were asked before.
        var returned = 0
        /// Ask how the coupon stands, even with nothing pending.
        var wantsRefresh = false
        /// In `ready`.
        var isReady = false
        /// Being loaded into the gate: nothing is asked meanwhile.
        var isLoading = false
    }

    private var batches: [CouponID: Batch] = [:]
    private var ready: Deque<CouponID> = []

    var isEmpty: Bool { ready.isEmpty }

    mutating func append(_ ticket: UInt64, for coupon: CouponID) {
        batches[coupon, default: Batch()].pending.append(ticket)
        makeReady(coupon)
    }

    mutating func refresh(_ coupon: CouponID) {
        batches[coupon, default: Batch()].wantsRefresh = true
        makeReady(coupon)
    }

    /// Back to the front, in order, after a call that did not judge them. Calls are answered in order: those
    /// of the next call come behind those of the last one.
    mutating func putBack(_ tickets: [UInt64], for coupon: CouponID) {
        hold(tickets, for: coupon)
        makeReady(coupon)
    }

    /// Keeps tickets in their place without getting in line: the coupon's next request wakes them, or
    /// `makeReady`.
    mutating func hold(_ tickets: [UInt64], for coupon: CouponID) {
        guard !tickets.isEmpty else { return finishTurn(of: coupon) }
        var batch = batches[coupon] ?? Batch()
        batches[coupon] = nil  // held here alone, so that nothing is copied
        batch.pending.insert(contentsOf: tickets, at: batch.returned)
        batch.returned += tickets.count
        batches[coupon] = batch
    }

    /// A coupon with something to ask gets in line.
    mutating func makeReady(_ coupon: CouponID) {
        guard let batch = batches[coupon], !batch.isReady, !batch.isLoading else { return }
        batches[coupon]?.isReady = true
        ready.append(coupon)
    }

    /// The next coupon whose turn it is.
    mutating func nextCoupon() -> CouponID? {
        while let coupon = ready.popFirst() {
            batches[coupon]?.isReady = false
            if batches[coupon]?.isLoading == false { return coupon }
        }
        return nil
    }

    /// Takes the next ticket of a coupon.
    mutating func popFirst(of coupon: CouponID) -> UInt64? {
        guard let ticket = batches[coupon]?.pending.popFirst() else { return nil }
        if let returned = batches[coupon]?.returned, returned > 0 {
            batches[coupon]?.returned = returned - 1
        }
        return ticket
    }

    /// Whether the coupon's standing is asked for; asked once.
    mutating func takeRefresh(of coupon: CouponID) -> Bool {
        guard batches[coupon]?.wantsRefresh == true else { return false }
        batches[coupon]?.wantsRefresh = false
        return true
    }

    /// After a turn: a coupon with more to ask gets in line again, one with nothing is forgotten.
    mutating func finishTurn(of coupon: CouponID) {
        guard let batch = batches[coupon] else { return }
        if !batch.pending.isEmpty || batch.wantsRefresh {
            makeReady(coupon)
        } else if !batch.isLoading {
            batches[coupon] = nil
        }
    }

    /// True where a load is to be started: it was not under way.
    mutating func beginLoad(of coupon: CouponID) -> Bool {
        guard batches[coupon, default: Batch()].isLoading == false else { return false }
        batches[coupon, default: Batch()].isLoading = true
        return true
    }

    mutating func endLoad(of coupon: CouponID) {
        batches[coupon]?.isLoading = false
        finishTurn(of: coupon)
    }

    /// How many tickets of the coupon wait.
    func count(of coupon: CouponID) -> Int { batches[coupon]?.pending.count ?? 0 }

    /// Takes everything that waits for a coupon.
    mutating func takeAll(of coupon: CouponID) -> [UInt64] {
        guard let pending = batches[coupon]?.pending else { return [] }
        batches[coupon]?.pending = []
        batches[coupon]?.returned = 0
        batches[coupon]?.wantsRefresh = false
        return Array(pending)
    }

    /// The coupons with something pending, loading or to be refreshed.
    var coupons: [CouponID] { Array(batches.keys) }

    /// Every coupon with something to ask gets in line.
    mutating func makeAllReady() { for coupon in coupons { makeReady(coupon) } }
}
