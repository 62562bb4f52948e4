/// One step of one partition: carries out what `DrainStep` decides.
internal import CouponCore
internal import Logging

extension Scheduler {
    /// A partition with work stays due: there may be more.
    func step(_ own: inout Owned) throws(BackendError) {
        let partition = own.partition
        let node = try verifiedState(of: gates.node(of: partition))
        let identity = node.identity
        if rebuilds[partition] != nil { return try continueRebuild(&own, identity) }
        let row = try currentRow(own)
        let view = try currentView(&own, after: row.cursor)
        reportQueue(row, view)
        let next = DrainStep(row: row, gate: view, node: node)
        switch next {
        // Before a rebuild begins, it must be confirmed that the node serves the partition (rule 50).
        case .rebuild, .lowerTerm: break
        default: own.noteReached()
        }
        switch next {
        case .idle:
            try rest(&own, row)
        case .recover(let from, let to):
            try recover(&own, row, identity, from: from, to: to)
        case .issue(let items):
            let range = (row.cursor, view.queueEnd)
            guard let completed = try completed(items, &own, range) else { return }
            let items = completed.withCoupons(atMost: couponsPerTransaction(of: partition))
            options.failpoint(.drained)
            try commit(&own, row, identity, to: items[items.count - 1].position, items)
        case .passEpoch(let to):
            try commit(&own, row, identity, to: to, [])
        case .rebuild(let reason):
            // The remembered row may be older than the gate: read it again before a rebuild.
            guard own.row == nil else { return own.forget() }
            if reason == .gateFenced && othersRebuild(&own, view)
                || !mayBeginRebuild(&own, row, view, identity)
            {
                return own.noteReached()
            }
            try beginRebuild(&own, row, reason)
        case .lowerTerm:
            refuse(&own, node, row)
        }
    }

    /// Rule 50: the map of this daemon is old, or this Redis belongs to a new cluster, whose terms are lower.
    func refuse(_ own: inout Owned, _ node: RedisNodeState, _ row: PartitionRow) {
        let text =
            "this Redis has term \(node.term), and partition \(row.id.rawValue) was last in one of "
            + "term \(row.redisTerm)"
        let now = options.clocks.now()
        own.noteUnreached(since: now)
        let isNew = own.fail(text, rest: 0, now: now, using: &random)
        // The next map or the next owner may end this at any time.
        own.wait(until: now.advanced(byMilliseconds: Limits.lowerTermMilliseconds))
        guard isNew else { return }
        logger.warning(
            "a partition is not rebuilt in a Redis of a lower term",
            metadata: [
                LogKey.partition: "\(row.id.rawValue)", LogKey.term: "\(node.term)",
                LogKey.expected: "\(row.redisTerm)",
            ])
    }

    /// Rule 43: waits for another owner that has fenced the gate and makes progress. A rebuild of this daemon
    /// that has ended is not waited for: its gate, still fenced, may be at another node now.
    private func othersRebuild(_ own: inout Owned, _ view: GateView) -> Bool {
        if view.epoch == begunEpochs[own.partition] { return false }
        let now = options.clocks.now()
        guard own.watch(view, now: now) else { return false }
        own.wait(until: now.advanced(byMilliseconds: Limits.beatMilliseconds))
        return true
    }

    /// The items, with the users of damaged ones; nil if the search for them is not over.
    /// - Parameter range: which entries a new search is for.
    private func completed(
        _ items: [QueueItem], _ own: inout Owned, _ range: (after: Position, upTo: Position)
    ) throws(BackendError) -> [QueueItem]? {
        let damaged = Set(items.filter(\.isDamaged).map(\.position))
        if damaged.isEmpty { return items }
        if own.search?.covers(damaged) != true {
            own.search = DamageSearch(damaged, after: range.after, upTo: range.upTo)
        }
        if let search = own.search?.result {
            return items.map { $0.completed(by: search) }
        }
        let partition = own.partition
        let end = searchEnd(for: partition)
        repeat {
            try own.search?.advance(
                reading: { walk throws(BackendError) in try nextEntries(walk, of: partition) },
                searching: { search throws(BackendError) in
                    try gates.search(&search, partition: partition)
                })
        } while options.clocks.now() < end && own.search?.result == nil
        return nil
    }

    /// Continues a search for as long as a slice may take.
    func searchSlice(
        _ search: inout HolderSearch, _ partition: PartitionID
    ) throws(BackendError) {
        let end = searchEnd(for: partition)
        repeat {
            try gates.search(&search, partition: partition)
        } while !search.isOver && options.clocks.now() < end
    }

    /// The end of a slice of long work that begins now.
    /// - Parameter milliseconds: how long it may take while others keep up.
    func sliceEnd(
        for partition: PartitionID,
        besideOthers milliseconds: Int64 = Limits.sliceBesideOthersMilliseconds
    ) -> MonotonicTime {
        let now = options.clocks.now()
        return now.advanced(
            byMilliseconds: othersKeepUp(with: partition, now)
                ? milliseconds : Limits.sliceMilliseconds)
    }

    private func searchEnd(for partition: PartitionID) -> MonotonicTime {
        sliceEnd(for: partition, besideOthers: Limits.searchBesideOthersMilliseconds)
    }

    private func currentRow(_ own: Owned) throws(BackendError) -> PartitionRow {
        if let row = own.row { return row }
        return try ledger.partition(own.partition)
    }

    /// The view that the last settle has read, or a new one. An older view only misses newer entries: it has
    /// this owner's epoch and cursor, and the fence catches changes since then, as after any read.
    private func currentView(
        _ own: inout Owned, after cursor: Position
    ) throws(BackendError) -> GateView {
        if let view = own.consumeView() { return view }
        return try gates.read(
            own.partition, after: cursor, upTo: nil, maximumRequests: own.batch.requests)
    }

    /// A coupon costs a transaction and the settle after it as much as several requests.
    private func couponsPerTransaction(of partition: PartitionID) -> Int {
        othersKeepUpInAnyLane(with: partition, options.clocks.now())
            ? options.slices.couponsBesideOthers : Limits.couponsPerTransaction
    }

    /// Nothing to issue: runs a slice of the sweep if earlier epochs have left keys, else sleeps until woken.
    private func rest(_ own: inout Owned, _ row: PartitionRow) throws(BackendError) {
        own.row = row
        own.search = nil
        if own.needsSweep {
            own.needsSweep = try sweepSlice(own.partition, before: row.epoch)
        } else {
            own.isReady = false
        }
    }

    /// Rules 19 to 22: one transaction, then settle.
    private func commit(
        _ own: inout Owned, _ row: PartitionRow, _ identity: RedisIdentity, to: Position,
        _ items: [QueueItem]
    ) throws(BackendError) {
        let started = options.clocks.now()
        let batch = Batch(
            partition: row.id, epoch: row.epoch, from: row.cursor, to: to, items: items,
            statementMilliseconds: own.batch.statementMilliseconds)
        if !items.isEmpty {
            own.attempted = (items.reduce(0) { $0 + $1.requestCount }, items.count)
        }
        recordWait(items)
        logIssuing(batch)
        let commit = try ledger.issue(batch)
        logIssued(batch, commit)
        own.attempted = nil
        let now = options.clocks.now()
        own.issuedAt = now
        instruments.record(commit, nanoseconds: now.nanoseconds - started.nanoseconds)
        options.failpoint(.committed)
        let view = try settle(
            Settlement(
                partition: row.id, epoch: row.epoch, identity: identity, from: row.cursor, to: to,
                issuedAt: commit.issuedAt, isRecovery: false, coupons: commit.coupons,
                rejections: commit.rejections), own)
        let settled = options.clocks.now()
        instruments.record(settled: settled.nanoseconds - now.nanoseconds)
        options.failpoint(.settled)
        own.row = row.withCursor(to)
        own.view = view
        recordSize(of: &own, since: started)
        logSettled(batch, commit)
        report(commit, row)
    }

    private func recordSize(of own: inout Owned, since started: MonotonicTime) {
        let now = options.clocks.now()
        let othersKeepUp = othersKeepUpInAnyLane(with: own.partition, now)
        own.batch.committed(
            inMilliseconds: now.milliseconds(since: started), othersKeepUp: othersKeepUp, now: now)
    }

    private func report(_ commit: Commit, _ row: PartitionRow) {
        let deadLetters = commit.rejections.count { $0.reason == .deadLetter }
        if deadLetters > 0 {
            logger.error(
                "requests became dead letters",
                metadata: [LogKey.partition: "\(row.id.rawValue)", LogKey.count: "\(deadLetters)"])
        }
        for settled in commit.coupons where settled.coupon?.isSoldOut == true {
            logger.info("coupon sold out", metadata: [LogKey.coupon: "\(settled.id.rawValue)"])
        }
    }

    /// Settles; returns the gate as it is then, with the next batch.
    private func settle(
        _ settlement: Settlement, _ own: Owned
    ) throws(BackendError) -> GateView {
        let view = try gates.settle(settlement, thenReading: own.batch.requests)
        guard let view else {
            throw .overtaken(
                "cannot settle from \(settlement.from) to \(settlement.to): the gate has changed")
        }
        return view
    }

    /// Rule 23: an earlier owner committed and did not settle.
    private func recover(
        _ own: inout Owned, _ row: PartitionRow, _ identity: RedisIdentity, from: Position,
        to: Position
    ) throws(BackendError) {
        let partition = row.id
        let queued = try queued(partition, after: from, upTo: to)
        guard let items = try completed(queued, &own, (from, to)) else { return }
        var requests: [CouponID: Int64] = [:]
        for request in items.lazy.flatMap(\.requests) {
            requests[request.accepted.coupon, default: 0] += 1
        }
        let rejections = try ledger.rejections(in: partition, after: from, upTo: to)
        let ids = Set(requests.keys).union(rejections.map(\.accepted.coupon)).sorted()
        let coupons = try ledger.coupons(ids)
        let byID = Dictionary(coupons.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        _ = try settle(
            Settlement(
                partition: partition, epoch: row.epoch, identity: identity, from: from, to: to,
                isRecovery: true,
                coupons: ids.map {
                    SettledCoupon(id: $0, coupon: byID[$0], requests: requests[$0] ?? 0)
                },
                rejections: rejections), own)
        logger.notice(
            "settled what an earlier owner had committed",
            metadata: [
                LogKey.partition: "\(partition.rawValue)", LogKey.from: "\(from)",
                LogKey.to: "\(to)",
            ])
    }

    /// All entries in (after, upTo], which one transaction has committed. One read gives one epoch.
    private func queued(
        _ partition: PartitionID, after: Position, upTo: Position?
    ) throws(BackendError) -> [QueueItem] {
        var items: [QueueItem] = []
        while true {
            let last = items.last?.position ?? after
            let view = try gates.read(
                partition, after: last, upTo: upTo,
                maximumRequests: options.requestsPerTransaction)
            if view.items.isEmpty { return items }
            items += view.items
        }
    }
}

extension [QueueItem] {
    /// The first items that together have at most `limit` coupons; at least one item.
    fileprivate func withCoupons(atMost limit: Int) -> [QueueItem] {
        var coupons: Set<CouponID> = []
        let end = firstIndex { item in
            coupons.formUnion(item.coupons)
            return coupons.count > limit
        }
        return end.map { Array(self[..<Swift.max(1, $0)]) } ?? self
    }
}
