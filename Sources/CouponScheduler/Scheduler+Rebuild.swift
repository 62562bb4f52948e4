/// Builds a partition's gate anew from PostgreSQL and from what the queue still holds (rules 25 to 31).
///
/// The order is the proof: the epoch is raised before anything is read, so that no transaction of an
/// older epoch can commit any more; the gate is fenced before the queue is read, so that nothing is
/// accepted meanwhile; the keys carry the new epoch, which belongs to this attempt alone.
internal import CoreMetrics
internal import CouponCore
internal import Logging

extension Scheduler {
    func rebuild(_ row: PartitionRow, _ reason: RebuildReason) throws(StepError) {
        let partition = row.id
        logger.debug(
            "rebuilding the gate",
            metadata: ["partition": "\(partition.rawValue)", "reason": "\(reason.rawValue)"])
        if reason.isPostgresBehind { try raiseAlarm(row, reason) }
        instruments.rebuilds.increment()
        let identity = try gate { () throws(GateControlError) in try gates.identity() }
        let epoch = try raiseEpoch(row, identity)
        let fenced = try gate { () throws(GateControlError) in
            try gates.fence(partition, epoch: epoch, installID: row.installID)
        }
        if !fenced { throw .overtaken("fence with epoch \(epoch)") }

        let items = try queued(partition, after: row.cursor, upTo: nil)
        let now = try issue { () throws(LedgerError) in try ledger.partition(partition) }
        if now.epoch != epoch { throw .overtaken("epoch \(epoch) is not the last one any more") }
        let pending = items.filter { $0.position > now.cursor }
        let coupons = try load(pending, partition, epoch)

        let requests = pending.reduce(into: Int64(0)) { $0 += Int64($1.requestCount) }
        let opened = try gate { () throws(GateControlError) in
            try gates.open(partition, epoch: epoch, settled: now.cursor, queued: requests)
        }
        if !opened { throw .overtaken("open with epoch \(epoch)") }
        try catchUp(coupons, partition, epoch)
        owned[partition]?.forget()
        owned[partition]?.needsSweep = true
        // The first gate of a new database is no news.
        logger.log(
            level: epoch == 1 ? .debug : .notice, "gate rebuilt",
            metadata: [
                "partition": "\(partition.rawValue)", "epoch": "\(epoch)",
                "reason": "\(reason.rawValue)",
                "queued": "\(requests)", "coupons": "\(coupons.count)",
            ])
    }

    /// Nobody but a person can tell what an older PostgreSQL has forgotten. A row that was only overtaken
    /// by another owner's rebuild is no such case.
    private func raiseAlarm(_ row: PartitionRow, _ reason: RebuildReason) throws(StepError) {
        let now = try issue { () throws(LedgerError) in try ledger.partition(row.id) }
        guard now == row else { throw .overtaken("the partition's row moved on") }
        instruments.setbacks.increment()
        logger.critical(
            "PostgreSQL went back: issues that were committed are lost",
            metadata: [
                "partition": "\(row.id.rawValue)", "cursor": "\(row.cursor)",
                "epoch": "\(row.epoch)", "reason": "\(reason.rawValue)",
            ])
    }

    /// Rule 26. Another installation's gate is left alone (SAFETY, hole 34).
    private func raiseEpoch(
        _ row: PartitionRow, _ identity: RedisIdentity
    ) throws(StepError) -> Epoch {
        let view = try gate { () throws(GateControlError) in
            try gates.read(row.id, after: .zero, upTo: .zero, maximumRequests: 1)
        }
        if let other = view.installID, other != row.installID {
            throw .overtaken(
                "this Redis belongs to installation \(other), the database to \(row.installID): "
                    + "give each installation a Redis of its own")
        }
        let floor = max(view.epoch, view.queueEnd.epoch)
        return try issue { () throws(LedgerError) in
            try ledger.raiseEpoch(of: row.id, above: floor, identity: identity)
        }
    }

    /// Rule 30: coupons with queued entries; others load at first use.
    private func load(
        _ items: [QueueItem], _ partition: PartitionID, _ epoch: Epoch
    ) throws(StepError) -> [Coupon] {
        var queued: [CouponID: [(holding: Holding, position: Position)]] = [:]
        for entry in items.lazy.flatMap(\.holdings) {
            queued[entry.holding.coupon, default: []].append(entry)
        }
        var coupons: [Coupon] = []
        for (id, requests) in queued {
            let loaded = try again { () throws(LedgerError) in try ledger.load(id) }
            // A coupon that is gone has no gate; its entries are rejected when they are drained.
            guard let loaded else { continue }
            let result = try gate { () throws(GateControlError) in
                try gates.load(
                    loaded.adding(queued: requests), partition: partition, epoch: epoch,
                    token: nil)
            }
            if result != .loaded { throw .overtaken("load of coupon \(id.rawValue): \(result)") }
            coupons.append(loaded.coupon)
        }
        return coupons
    }

    /// Once more on a new session: while a million holders went to Redis the old one was silent for too
    /// long. What guards a rebuild is its epoch, not the lock, which the next review claims again.
    private func again<Value>(
        _ body: () throws(LedgerError) -> Value
    ) throws(StepError) -> Value {
        do throws(LedgerError) {
            return try body()
        } catch {
            guard case .sessionLost = error else { throw .ledger(error) }
            return try issue(body)
        }
    }

    /// Rule 31: coupons whose version rose while they were loaded are set again.
    private func catchUp(
        _ loaded: [Coupon], _ partition: PartitionID, _ epoch: Epoch
    ) throws(StepError) {
        let versions = Dictionary(
            loaded.map { ($0.id, $0.version) }, uniquingKeysWith: { first, _ in first })
        let now = try again { () throws(LedgerError) in
            try ledger.coupons(versions.keys.sorted())
        }
        for coupon in now where coupon.version > versions[coupon.id] ?? 0 {
            _ = try gate { () throws(GateControlError) in
                try gates.set(coupon, partition: partition, epoch: epoch)
            }
        }
    }
}
