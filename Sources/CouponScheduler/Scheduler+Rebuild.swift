/// Builds a gate from PostgreSQL and from what the queue still holds (rules 25 to 31).
///
/// The order matters. The epoch is raised before anything is read, so that no transaction of an older epoch
/// can commit. The gate is fenced before the queue is read, so that nothing is accepted during the rebuild.
/// The keys carry the new epoch, which belongs to this attempt alone. Each slice may be repeated: after an
/// error an attempt continues if the gate still says that it is the last one.
internal import CoreMetrics
internal import CouponCore
internal import Logging

extension Scheduler {
    func beginRebuild(
        _ own: inout Owned, _ row: PartitionRow, _ reason: RebuildReason
    ) throws(BackendError) {
        let node = try gates.confirmedState(of: gates.node(of: row.id))
        guard node.term >= row.redisTerm else { return refuse(&own, node, row) }
        own.noteReached()
        logger.debug(
            "rebuilding the gate",
            metadata: [LogKey.partition: "\(row.id.rawValue)", LogKey.reason: "\(reason.rawValue)"])
        if reason.isPostgresBehind { try raiseAlarm(row, reason) }
        instruments.count(.rebuilds)
        let raised = try raiseEpoch(row, node)
        // Set before the fence: if the fence's answer is lost, the attempt continues.
        rebuilds[row.id] = Rebuild(row: raised, reason: reason, now: options.clocks.now())
        let fenced = try gates.fence(raised)
        if !fenced { throw .overtaken("cannot fence the gate: epoch \(raised.epoch) is over") }
        begunEpochs[row.id] = raised.epoch
        try continueRebuild(&own, node.identity)
    }

    /// Runs the next slice of the rebuild.
    func continueRebuild(
        _ own: inout Owned, _ identity: RedisIdentity
    ) throws(BackendError) {
        let partition = own.partition
        // Taken out: a second reference to its coupons would make each slice copy all of them.
        guard var rebuild = rebuilds.removeValue(forKey: partition) else { return }
        var isOver = false
        let start = options.clocks.now()
        defer {
            rebuild.worked += options.clocks.now().milliseconds(since: start)
            if !isOver { rebuilds[partition] = rebuild }
        }
        if rebuild.isInDoubt, !(try resume(&rebuild, identity)) {
            isOver = true
            own.forget()
            return
        }
        let end = sliceEnd(for: partition)
        repeat {
            isOver = try advance(&rebuild)
        } while !isOver && options.clocks.now() < end
        if isOver { finish(rebuild, &own) }
    }

    /// Whether an interrupted rebuild may continue: it is still the last one, of the same Redis.
    private func resume(
        _ rebuild: inout Rebuild, _ identity: RedisIdentity
    ) throws(BackendError) -> Bool {
        let partition = rebuild.row.id
        let row = try ledger.partition(partition)
        let view = try gates.read(partition, after: .zero, upTo: .zero, maximumRequests: 1)
        guard row == rebuild.row, row.identity == identity, view.status == .fenced,
            view.epoch == row.epoch, view.beat > 0
        else { return false }
        if case .counting = rebuild.phase { rebuild.place = view.settled }
        // Perhaps the failed call has met an entry of another program.
        rebuild.move = rebuild.move ?? QueueMove(from: row.cursor)
        rebuild.isInDoubt = false
        return true
    }

    /// Runs the smallest part of a rebuild. True if it has ended. If a call fails, `rebuild` is as it was
    /// before that call.
    private func advance(_ rebuild: inout Rebuild) throws(BackendError) -> Bool {
        try beat(&rebuild)
        if rebuild.move != nil {
            try move(&rebuild)
            return false
        }
        switch rebuild.phase {
        case .surveying: try survey(&rebuild)
        case .searching: try search(&rebuild)
        case .sweeping: try sweep(&rebuild)
        case .loading: try load(&rebuild)
        case .counting: try count(&rebuild)
        case .opening:
            try open(rebuild)
            return true
        }
        return false
    }

    /// Rule 43: shows other owners that this rebuild makes progress, and notices a later rebuild.
    private func beat(_ rebuild: inout Rebuild) throws(BackendError) {
        let now = options.clocks.now()
        guard now >= rebuild.beatAt else { return }
        let row = rebuild.row
        let isLast = try gates.beat(row.id, epoch: row.epoch)
        if !isLast {
            throw .overtaken("the rebuild is not the last one: epoch \(row.epoch) is over")
        }
        rebuild.beatAt = now.advanced(byMilliseconds: Limits.beatMilliseconds)
    }

    /// Rule 45: the queue is read only once all of its ids can come from a gate.
    private func move(_ rebuild: inout Rebuild) throws(BackendError) {
        guard var move = rebuild.move else { return }
        let row = rebuild.row
        let isLast = try gates.move(&move, of: row, limit: options.slices.entries)
        if !isLast { throw .overtaken("cannot move the queue: epoch \(row.epoch) is over") }
        rebuild.move = move.isOver ? nil : move
    }

    /// The next entries, about a slice of requests.
    private func nextEntries(_ rebuild: Rebuild) throws(BackendError) -> [QueueItem] {
        try nextEntries(rebuild.walk, of: rebuild.row.id)
    }

    /// The next entries of a queue, about a slice of requests.
    func nextEntries(
        _ walk: QueueWalk, of partition: PartitionID
    ) throws(BackendError) -> [QueueItem] {
        try gates.entries(
            partition, after: walk.place,
            limit: max(1, options.slices.requests / walk.requestsPerEntry))
    }

    private func survey(_ rebuild: inout Rebuild) throws(BackendError) {
        let items = try nextEntries(rebuild)
        rebuild.survey(items)
        guard items.isEmpty else { return }
        rebuild.search = HolderSearch(positions: rebuild.damaged)
        rebuild.begin(rebuild.damaged.isEmpty ? .sweeping : .searching)
    }

    private func search(_ rebuild: inout Rebuild) throws(BackendError) {
        try searchSlice(&rebuild.search, rebuild.row.id)
        guard rebuild.search.isOver else { return }
        for request in rebuild.search.found.values.joined() { rebuild.add(request.coupon) }
        // If this attempt ends early, the next one must find them again: so nothing is swept first.
        rebuild.begin(.loading)
    }

    private func sweep(_ rebuild: inout Rebuild) throws(BackendError) {
        let row = rebuild.row
        let isMoreLeft = try gates.sweep(row.id, before: row.epoch, limit: options.slices.coupons)
        if !isMoreLeft { rebuild.begin(.loading) }
    }

    /// Rule 30: a queued request holds a slot.
    private func count(_ rebuild: inout Rebuild) throws(BackendError) {
        let items = try nextEntries(rebuild).fitting(options.slices.requests)
        guard let last = items.last?.position else { return rebuild.begin(.opening) }
        let search = rebuild.search
        let requests = items.flatMap { $0.completed(by: search).requests }
        let (row, from) = (rebuild.row, rebuild.place)
        let counted = try gates.count(
            requests, from: from, to: last, partition: row.id, epoch: row.epoch)
        if !counted { throw .overtaken("cannot count requests: epoch \(row.epoch) is over") }
        rebuild.requests += requests.count
        rebuild.walk.read(items)
    }

    /// Rule 31: changes that were committed since a coupon was read are in the outbox, which is resynced
    /// next.
    private func open(_ rebuild: Rebuild) throws(BackendError) {
        let row = rebuild.row
        let now = try ledger.partition(row.id)
        if now != row { throw .overtaken("cannot open the gate: the partition's row has changed") }
        let opened = try gates.open(row, counted: rebuild.place)
        if !opened { throw .overtaken("cannot open the gate: epoch \(row.epoch) is over") }
    }

    private func finish(_ rebuild: Rebuild, _ own: inout Owned) {
        let row = rebuild.row
        own.forget()
        own.needsSweep = !rebuild.damaged.isEmpty
        // The first gate of a new database is expected.
        logger.log(
            level: row.epoch == 1 ? .debug : .notice, "gate rebuilt",
            metadata: [
                LogKey.partition: "\(row.id.rawValue)", LogKey.epoch: "\(row.epoch)",
                LogKey.reason: "\(rebuild.reason.rawValue)",
                LogKey.queued: "\(rebuild.requests)", LogKey.coupons: "\(rebuild.seen.count)",
            ])
    }

    /// Only a person can find out what an older PostgreSQL has lost. If the row has changed since it was
    /// read, another owner has rebuilt the gate, and there is no alarm.
    private func raiseAlarm(_ row: PartitionRow, _ reason: RebuildReason) throws(BackendError) {
        let now = try ledger.partition(row.id)
        guard now == row else { throw .overtaken("the partition's row has changed") }
        instruments.count(.postgresRollbacks)
        logger.critical(
            "PostgreSQL went back: issues that were committed are lost",
            metadata: [
                LogKey.partition: "\(row.id.rawValue)", LogKey.cursor: "\(row.cursor)",
                LogKey.epoch: "\(row.epoch)", LogKey.reason: "\(reason.rawValue)",
            ])
    }

    /// Rules 26 and 50. The gate of another installation is not touched.
    private func raiseEpoch(
        _ row: PartitionRow, _ node: RedisNodeState
    ) throws(BackendError) -> PartitionRow {
        let view = try gates.read(row.id, after: .zero, upTo: .zero, maximumRequests: 1)
        if let other = view.installID, other != row.installID {
            throw .overtaken(
                "this Redis belongs to installation \(other), the database to \(row.installID): "
                    + "give each installation a Redis of its own")
        }
        let floor = max(view.epoch, view.queueEnd.epoch)
        return try ledger.raiseEpoch(of: row.id, above: floor, node: node)
    }
}

extension [QueueItem] {
    /// The first items that together have at most `requests` requests; at least one item. How many they have
    /// was only estimated.
    fileprivate func fitting(_ requests: Int) -> [QueueItem] {
        var count = 0
        let first = prefix { item in
            defer { count += Swift.max(1, item.requestCount) }
            return count == 0 || count + item.requestCount <= requests
        }
        return Array(first)
    }
}
