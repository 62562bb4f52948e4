/// The accounts of a coupon on demand: the figures of gate, queue and tables for `couponctl verify`.
///
/// Bounded, however much there is: what would take too long is left out, and the judge judges the rest.
internal import CouponCore
internal import CouponWire
internal import Logging

extension BlockingLane {
    func audit(_ id: CouponID) throws(Failure) -> CouponAudit {
        let partition = partitioning.partition(of: id)
        let view = try keeper.gate { () throws(GateControlError) in
            try gates.inspect(id, partition: partition, user: nil)
        }
        guard let accounts = try accounts(of: id) else { throw .noCoupon(id) }
        return CouponAudit(
            accounts: accounts, gate: view.record, place: view.place,
            queueRequests: view.place.isDrained
                ? 0 : try queuedRequests(of: id, in: partition, view.place),
            gateSaysSoldOut: view.record?.isFull ?? accounts.coupon.isSoldOut,
            workers: 0, workersClosed: 0)
    }

    /// Where PostgreSQL cannot count everything in the time that a statement may take, nothing is counted
    /// that may be long.
    private func accounts(of id: CouponID) throws(Failure) -> LedgerAccounts? {
        let all = AccountsBounds(
            rows: Limits.auditedRowsOnDemand, rejections: Limits.auditedRowsOnDemand)
        do throws(LedgerError) {
            return try store.accounts(of: [id], all).first
        } catch {
            logger.debug(
                "a coupon's rows are not counted",
                metadata: [LogKey.coupon: "\(id.rawValue)", LogKey.error: "\(error)"])
        }
        let few = AccountsBounds(rows: -1, rejections: Limits.auditedRejections)
        return try keeper.ledger { () throws(LedgerError) in
            try store.accounts(of: [id], few).first
        }
    }

    /// What was queued when the gate stood there; nil where that is too much to be read, or gone since.
    private func queuedRequests(
        of id: CouponID, in partition: PartitionID, _ place: GatePlace
    ) throws(Failure) -> Int64? {
        var last = place.settled
        let end = Position(epoch: place.epoch, n: place.tail)
        var (read, count) = (0, Int64(0))
        while read < Limits.auditedQueue {
            let view = try keeper.gate { () throws(GateControlError) in
                try gates.read(
                    partition, after: last, upTo: end,
                    maximumRequests: Limits.requestsPerTransaction)
            }
            guard view.settled == place.settled, view.epoch == place.epoch else { return nil }
            guard let next = view.items.last?.position else { return count }
            for case .entry(let entry) in view.items where entry.coupon == id {
                count += Int64(entry.requests.count)
            }
            read += view.items.reduce(0) { $0 + max(1, $1.requestCount) }
            last = next
        }
        return nil
    }
}
