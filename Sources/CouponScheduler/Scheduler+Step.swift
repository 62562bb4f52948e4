/// One step of one partition: what `DrainStep` says, carried out.
internal import CouponCore
internal import Logging

extension Scheduler {
    /// A partition stays due while there was work, for there may be more.
    func step(_ partition: PartitionID) throws(StepError) {
        let identity = try verifiedIdentity()
        let row = try currentRow(partition)
        let view = try currentView(partition, after: row.cursor)
        switch DrainStep(row: row, gate: view, identity: identity) {
        case .idle:
            try rest(partition, row)
        case .recover(let from, let to):
            try recover(partition, row, identity, from: from, to: to)
        case .issue(let items):
            if items.contains(where: \.isDamaged) {
                // Its users were looked for in every key of Redis, so that the session may have been
                // silent for too long. Its end is told once, here; the fence does not depend on it.
                try? ledger.ping()
            }
            options.failpoint(.drained)
            try commit(row, identity, to: items[items.count - 1].position, items)
        case .passEpoch(let to):
            try commit(row, identity, to: to, [])
        case .rebuild(let reason):
            // The memory of the row may be older than the gate: look again before anything is torn down.
            guard owned[partition]?.row == nil else {
                owned[partition]?.forget()
                return
            }
            try rebuild(row, reason)
        }
    }

    private func currentRow(_ partition: PartitionID) throws(StepError) -> PartitionRow {
        if let row = owned[partition]?.row { return row }
        return try issue { () throws(LedgerError) in try ledger.partition(partition) }
    }

    /// What the last settle found, or what there is now. An older view only shows less: it is of this
    /// owner's own epoch and cursor, and the fence catches whatever has changed since, as after any read.
    private func currentView(
        _ partition: PartitionID, after cursor: Position
    ) throws(StepError) -> GateView {
        if let view = owned[partition]?.takeView() { return view }
        return try gate { () throws(GateControlError) in
            try gates.read(
                partition, after: cursor, upTo: nil,
                maximumRequests: options.requestsPerTransaction)
        }
    }

    /// Nothing to issue: sleep until woken.
    private func rest(_ partition: PartitionID, _ row: PartitionRow) throws(StepError) {
        owned[partition]?.row = row
        owned[partition]?.isReady = false
        if owned[partition]?.needsSweep == true {
            // A sweep reads every key of Redis: the session must not be taken for dead meanwhile.
            try issue { () throws(LedgerError) in try ledger.ping() }
            try gate { () throws(GateControlError) in
                try gates.sweep(partition, before: row.epoch)
            }
            owned[partition]?.needsSweep = false
        }
    }

    /// Rules 19 to 22: one transaction, then settle.
    private func commit(
        _ row: PartitionRow, _ identity: RedisIdentity, to: Position, _ items: [QueueItem]
    ) throws(StepError) {
        let batch = Batch(
            partition: row.id, epoch: row.epoch, from: row.cursor, to: to, items: items)
        let started = options.clocks.now()
        let commit = try issue { () throws(LedgerError) in try ledger.issue(batch) }
        instruments.record(
            commit, nanoseconds: options.clocks.now().nanoseconds - started.nanoseconds)
        options.failpoint(.committed)
        let view = try settle(
            Settlement(
                partition: row.id, epoch: row.epoch, identity: identity, from: row.cursor, to: to,
                issuedAt: commit.issuedAt, isRecovery: false, coupons: commit.coupons,
                refusals: commit.refusals))
        options.failpoint(.settled)
        owned[row.id]?.row = PartitionRow(
            id: row.id, epoch: row.epoch, cursor: to, identity: row.identity,
            installID: row.installID)
        owned[row.id]?.view = view
        report(commit, row)
    }

    private func report(_ commit: Commit, _ row: PartitionRow) {
        let deadLetters = commit.refusals.count { $0.reason == .deadLetter }
        if deadLetters > 0 {
            logger.error(
                "requests went to the dead letters",
                metadata: ["partition": "\(row.id.rawValue)", "count": "\(deadLetters)"])
        }
        for settled in commit.coupons where settled.coupon?.isSoldOut == true {
            logger.info("coupon sold out", metadata: ["coupon": "\(settled.id.rawValue)"])
        }
    }

    /// The gate as it is afterwards, with the next batch.
    private func settle(_ settlement: Settlement) throws(StepError) -> GateView {
        let view = try gate { () throws(GateControlError) in
            try gates.settle(settlement, thenReading: options.requestsPerTransaction)
        }
        guard let view else {
            throw .overtaken("settle from \(settlement.from) to \(settlement.to)")
        }
        return view
    }

    /// Rule 23: an earlier owner committed and did not settle.
    private func recover(
        _ partition: PartitionID, _ row: PartitionRow, _ identity: RedisIdentity, from: Position,
        to: Position
    ) throws(StepError) {
        var requests: [CouponID: Int64] = [:]
        for item in try queued(partition, after: from, upTo: to) {
            for (coupon, count) in item.requestsByCoupon { requests[coupon, default: 0] += count }
        }
        let refusals = try issue { () throws(LedgerError) in
            try ledger.refusals(in: partition, after: from, upTo: to)
        }
        let ids = Set(requests.keys).union(refusals.map(\.holding.coupon)).sorted()
        let coupons = try issue { () throws(LedgerError) in try ledger.coupons(ids) }
        let byID = Dictionary(coupons.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        _ = try settle(
            Settlement(
                partition: partition, epoch: row.epoch, identity: identity, from: from, to: to,
                isRecovery: true,
                coupons: ids.map {
                    SettledCoupon(id: $0, coupon: byID[$0], requests: requests[$0] ?? 0)
                },
                refusals: refusals))
        logger.notice(
            "settled what an earlier owner had committed",
            metadata: [
                "partition": "\(partition.rawValue)", "from": "\(from)", "to": "\(to)",
            ])
    }

    /// All entries in (after, upTo], epoch by epoch.
    func queued(
        _ partition: PartitionID, after: Position, upTo: Position?
    ) throws(StepError) -> [QueueItem] {
        var items: [QueueItem] = []
        while true {
            let last = items.last?.position ?? after
            let view = try gate { () throws(GateControlError) in
                try gates.read(
                    partition, after: last, upTo: upTo,
                    maximumRequests: options.requestsPerTransaction)
            }
            if view.items.isEmpty { return items }
            items += view.items
        }
    }
}

extension QueueItem {
    /// Whether its bytes could not be read.
    var isDamaged: Bool {
        if case .damaged = self { true } else { false }
    }

    /// How many requests of which coupon it holds.
    var requestsByCoupon: [CouponID: Int64] {
        switch self {
        case .entry(let entry): [entry.coupon: Int64(entry.requests.count)]
        case .damaged(let damaged):
            Dictionary(damaged.holders.map { ($0.coupon, 1) }, uniquingKeysWith: +)
        }
    }

    /// The requests it holds, with their place.
    var holdings: [(holding: Holding, position: Position)] {
        switch self {
        case .entry(let entry):
            entry.requests.enumerated().map { offset, request in
                (
                    Holding(
                        coupon: entry.coupon, user: request.user,
                        sequence: entry.firstSequence + Int64(offset),
                        requestID: request.requestID), entry.position
                )
            }
        case .damaged(let damaged): damaged.holders.map { ($0, damaged.position) }
        }
    }
}
