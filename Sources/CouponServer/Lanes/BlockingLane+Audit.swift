/// The accounts of a coupon on demand: the figures of gate, queue and tables for `couponctl verify`.
///
/// The work is bounded: figures that would take too long are left out, and the judge uses the rest.
internal import CouponCore
internal import CouponWire
internal import Logging

extension BlockingLane {
    func audit(_ id: CouponID) throws(BackendError) -> CouponAudit {
        let partition = partitioning.partition(of: id)
        let view = try gates.inspect(id, partition: partition, user: nil)
        guard let accounts = try accounts(of: id) else { throw .answer(.noCoupon(id)) }
        return CouponAudit(
            accounts: accounts, gate: view.record, place: view.place,
            queueRequests: view.place.isDrained
                ? 0 : try queuedRequests(of: id, in: partition, view.place),
            gateSaysSoldOut: view.record?.isFull ?? accounts.coupon.isSoldOut,
            workers: 0, workersClosed: 0)
    }

    /// If PostgreSQL cannot count everything in the time of one statement, only figures with few rows are
    /// counted.
    private func accounts(of id: CouponID) throws(BackendError) -> LedgerAccounts? {
        let all = AccountsBounds(
            rows: Limits.auditedRowsOnDemand, rejections: Limits.auditedRowsOnDemand)
        do throws(BackendError) {
            return try store.accounts(of: [id], all).first
        } catch {
            logger.debug(
                "the rows of a coupon cannot be counted",
                metadata: [LogKey.coupon: "\(id.rawValue)", LogKey.error: "\(error)"])
        }
        let few = AccountsBounds(rows: -1, rejections: Limits.auditedRejections)
        return try store.accounts(of: [id], few).first
    }

    /// The queued requests at that place of the gate; nil if they are too many, or the gate has moved on.
    private func queuedRequests(
        of id: CouponID, in partition: PartitionID, _ place: GatePlace
    ) throws(BackendError) -> Int64? {
        var last = place.settled
        let end = Position(epoch: place.epoch, n: place.tail)
        var (read, count) = (0, Int64(0))
        while read < Limits.auditedQueue {
            let view = try gates.read(
                partition, after: last, upTo: end,
                maximumRequests: Limits.requestsPerTransaction)
            guard view.settled == place.settled, view.epoch == place.epoch else { return nil }
            guard let next = view.items.last?.position else { return count }
            for case .entry(let entry) in view.items {
                for queued in entry.coupons where queued.coupon == id {
                    count += Int64(queued.requests.count)
                }
            }
            read += view.items.reduce(0) { $0 + max(1, $1.requestCount) }
            last = next
        }
        return nil
    }
}
