/// Heartbeats of the partitions with nothing to issue (rule 24).
internal import CouponCore

extension Scheduler {
    /// Sends a heartbeat of each such partition that is due, and looks for new entries. One round trip for
    /// each node, because busy partitions wait for it.
    func sendHeartbeats() {
        let now = options.clocks.now()
        let rows = owned.inOrder.compactMap { owned[$0]?.rowForHeartbeat(now) }
        guard !rows.isEmpty else { return }
        var rowsOfNodes: [RedisNode.ID: [PartitionRow]] = [:]
        for row in rows {
            do {
                rowsOfNodes[try gates.node(of: row.id), default: []].append(row)
            } catch {
                fail(row.id, error, Attempt(start: now, node: nil, spent: ledger.spent))
            }
        }
        for (node, rows) in rowsOfNodes.sorted(by: { $0.key < $1.key }) {
            let attempt = Attempt(start: now, node: node, spent: ledger.spent)
            do {
                try sendHeartbeats(of: rows, to: node, attempt)
            } catch {
                for row in rows { fail(row.id, error, attempt) }
            }
        }
    }

    private func sendHeartbeats(
        of rows: [PartitionRow], to node: RedisNode.ID, _ attempt: Attempt
    ) throws(BackendError) {
        let state = try verifiedState(of: node)
        for (row, result) in zip(rows, gates.heartbeat(rows)) {
            do {
                apply(try result.get(), to: row, state, attempt.start)
            } catch {
                fail(row.id, error, attempt)
            }
        }
    }

    private func apply(
        _ view: GateView?, to row: PartitionRow, _ state: RedisNodeState, _ now: MonotonicTime
    ) {
        let next = now.advanced(byMilliseconds: options.checkMilliseconds)
        owned.update(row.id) { own in
            own.checkAt = next
            guard let view else { return own.forget() }
            if DrainStep(row: row, gate: view, node: state) != .idle { own.isReady = true }
        }
    }
}
