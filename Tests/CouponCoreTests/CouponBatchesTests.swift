/// Requests that wait for the gate keep their order, and coupons take turns.
import Testing

@testable import CouponCore

private let first = CouponID(1)
private let second = CouponID(2)
private let here = PartitionID(0)

extension CouponBatches {
    fileprivate func dequeue(_ coupon: CouponID, _ count: Int = .max) -> [UInt64] {
        var tickets: [UInt64] = []
        while tickets.count < count, let ticket = popFirst(of: coupon) { tickets.append(ticket) }
        return tickets
    }
}

@Suite struct CouponBatchesTests {
    @Test func `coupons take turns, each with its own requests`() {
        let batches = CouponBatches(partitioning: Partitioning(count: 1))
        for ticket in 1...4 { batches.append(UInt64(ticket), for: ticket < 4 ? first : second) }
        #expect(batches.nextCoupon(of: here) == first)
        #expect(batches.dequeue(first, 2) == [1, 2])
        batches.finishTurn(of: first)
        #expect(batches.nextCoupon(of: here) == second)
        #expect(batches.dequeue(second) == [4])
        batches.finishTurn(of: second)
        #expect(batches.nextCoupon(of: here) == first)
        #expect(batches.dequeue(first) == [3])
        batches.finishTurn(of: first)
        #expect(batches.nextCoupon(of: here) == nil)
        #expect(batches.coupons == [], "nothing is left behind")
    }

    @Test func `calls in flight come back in their order, before newer requests`() {
        let batches = CouponBatches(partitioning: Partitioning(count: 1))
        for ticket in 1...5 { batches.append(UInt64(ticket), for: first) }
        let calls = [batches.dequeue(first, 2), batches.dequeue(first, 2)]
        batches.putBack(calls[0], for: first)
        batches.append(6, for: first)
        batches.putBack(calls[1], for: first)
        #expect(batches.dequeue(first) == [1, 2, 3, 4, 5, 6])
    }

    @Test func `requests of a call that is sent again stay before those of the next call`() {
        let batches = CouponBatches(partitioning: Partitioning(count: 1))
        for ticket in 1...4 { batches.append(UInt64(ticket), for: first) }
        let calls = [batches.dequeue(first, 2), batches.dequeue(first, 2)]
        batches.putBack(calls[0], for: first)
        #expect(batches.dequeue(first) == [1, 2])
        batches.append(5, for: first)
        batches.putBack(calls[1], for: first)
        #expect(batches.dequeue(first) == [3, 4, 5])
    }

    @Test func `while a coupon is loading it has no turn`() {
        let batches = CouponBatches(partitioning: Partitioning(count: 1))
        batches.append(1, for: first)
        #expect(batches.beginLoad(of: first) == true)
        #expect(batches.beginLoad(of: first) == false, "one load at a time")
        batches.append(2, for: first)
        #expect(batches.nextCoupon(of: here) == nil)
        batches.endLoad(of: first)
        #expect(batches.nextCoupon(of: here) == first)
        #expect(batches.dequeue(first) == [1, 2])
    }

    @Test func `held requests wait for the coupon's next request, or until the coupon is ready`() {
        let batches = CouponBatches(partitioning: Partitioning(count: 1))
        batches.hold([1, 2], for: first)
        #expect(batches.nextCoupon(of: here) == nil)
        batches.append(3, for: first)
        #expect(batches.nextCoupon(of: here) == first)
        #expect(batches.dequeue(first) == [1, 2, 3])
        batches.finishTurn(of: first)
        batches.hold([4], for: second)
        batches.makeAllReady()
        #expect(batches.nextCoupon(of: here) == second)
    }

    @Test func `holding no tickets leaves nothing behind`() {
        let batches = CouponBatches(partitioning: Partitioning(count: 1))
        batches.hold([], for: first)
        batches.putBack([], for: first)
        #expect(batches.coupons == [])
    }

    @Test func `a refresh is asked once, with or without requests`() {
        let batches = CouponBatches(partitioning: Partitioning(count: 1))
        batches.refresh(first)
        batches.refresh(first)
        #expect(batches.nextCoupon(of: here) == first)
        #expect(batches.dequeueRefresh(of: first) == true)
        #expect(batches.dequeueRefresh(of: first) == false)
        batches.finishTurn(of: first)
        #expect(batches.nextCoupon(of: here) == nil)
        #expect(batches.coupons == [])
    }

    @Test func `all waiting requests can be removed at once`() {
        let batches = CouponBatches(partitioning: Partitioning(count: 1))
        batches.append(1, for: first)
        batches.refresh(first)
        batches.putBack([2], for: first)
        #expect(batches.count(of: first) == 2)
        #expect(batches.removeAll(of: first) == [2, 1])
        #expect(batches.count(of: first) == 0)
        #expect(batches.dequeueRefresh(of: first) == false)
        #expect(batches.removeAll(of: second) == [])
    }

    @Test func `a coupon with many requests has a turn while a call is in flight`() {
        let batches = CouponBatches(partitioning: Partitioning(count: 1))
        let enough = UInt64(Limits.minimumConcurrentBatch)
        batches.append(0, for: first)
        for ticket in 1...enough { batches.append(ticket, for: second) }
        #expect(batches.nextCoupon(of: here, isFull: true) == second)
        #expect(batches.dequeue(second, 2) == [1, 2])
        batches.finishTurn(of: second)
        #expect(batches.nextCoupon(of: here, isFull: true) == nil, "few are left")
        #expect(batches.nextCoupon(of: here) == first)
        #expect(batches.nextCoupon(of: here) == second)
        #expect(batches.nextCoupon(of: here) == nil, "each has one turn")
    }

    @Test func `lines do not grow with turns that a coupon has while calls are in flight`() {
        let batches = CouponBatches(partitioning: Partitioning(count: 1))
        let enough = UInt64(Limits.minimumConcurrentBatch)
        for _ in 1...100 {
            for ticket in 1...enough { batches.append(ticket, for: first) }
            #expect(batches.nextCoupon(of: here, isFull: true) == first)
            #expect(batches.dequeue(first).count == Int(enough))
            batches.finishTurn(of: first)
        }
        #expect(batches.nextPartition() == here)
        #expect(batches.nextPartition() == nil, "the partition is in line once")
        #expect(batches.nextCoupon(of: here) == nil)
        #expect(batches.coupons == [])
    }

    @Test func `partitions take turns`() {
        let batches = CouponBatches(partitioning: Partitioning(count: 2))
        for coupon in [2, 3, 4] as [Int64] { batches.append(1, for: CouponID(coupon)) }
        #expect(batches.nextPartition() == PartitionID(0))
        #expect(batches.nextPartition() == PartitionID(1))
        #expect(batches.nextPartition() == nil)
        #expect(batches.nextCoupon(of: PartitionID(0)) == CouponID(2))
        batches.makeReady(PartitionID(0))
        #expect(batches.nextPartition() == PartitionID(0), "another of its coupons has a turn")
    }
}
