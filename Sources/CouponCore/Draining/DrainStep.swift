/// What the owner of a partition does next (rules 16 to 18): a function of what PostgreSQL and Redis say.
public enum DrainStep: Equatable, Sendable {
    /// Everything is issued and settled.
    case idle
    /// An earlier owner committed up to `to` and did not settle.
    case recover(from: Position, to: Position)
    /// Issue these, then settle.
    case issue([QueueItem])
    /// No entry of an earlier epoch is left: close those epochs for good.
    case passEpoch(to: Position)
    /// The gate cannot be trusted, or is not there.
    case rebuild(RebuildReason)
    /// As `rebuild`, but not in this Redis: another one had the partition in a later term (rule 50).
    case lowerTerm

    /// The next step.
    /// - Parameters:
    ///   - row: PostgreSQL's view, or the owner's own memory of it: the fence of rule 19 catches a stale one.
    ///   - gate: read after `row.cursor`.
    ///   - node: what the connection that read `gate` reaches.
    public init(row: PartitionRow, gate: GateView, node: RedisNodeState) {
        if let reason = RebuildReason(row: row, gate: gate, identity: node.identity) {
            self = node.term < row.redisTerm ? .lowerTerm : .rebuild(reason)
        } else if gate.settled < row.cursor {
            self = .recover(from: gate.settled, to: row.cursor)
        } else if let first = gate.items.first, first.position.epoch < row.epoch {
            self = .issue(gate.items)
        } else if row.cursor.epoch < row.epoch {
            self = .passEpoch(to: Position(epoch: row.epoch, n: 0))
        } else if gate.items.isEmpty {
            self = .idle
        } else {
            self = .issue(gate.items)
        }
    }
}

/// Why a partition's gate must be rebuilt. Raw values are for logs and metrics.
public enum RebuildReason: String, Sendable {
    /// Redis is empty, or new.
    case gateMissing = "the gate is missing"
    /// A rebuild was not finished, or a daemon found that the gate had gone back.
    case gateFenced = "the gate is fenced"
    /// Redis is older than PostgreSQL.
    case gateBehind = "the gate has an earlier epoch than PostgreSQL"
    /// PostgreSQL went back (rule 16).
    case gateAhead = "the gate has a later epoch than PostgreSQL"
    /// This Redis is another process, or no Redis had the partition before.
    case otherRedis = "this is another Redis, or one that was restarted"
    /// The same process with another history. The three causes look the same (rule 11).
    case newHistory =
        """
        Redis has a new replication id: its first replica attached, its replication backlog was freed, or \
        it was a replica in between
        """
    /// PostgreSQL went back.
    case settledAhead = "more is settled than PostgreSQL has committed"
    /// Redis went back.
    case tailBehind = "PostgreSQL has committed more than the queue ever held"
    /// The queue was damaged without the gate.
    case entriesMissing = "queue entries are missing"

    /// Whether PostgreSQL is older than the gate: something that it had committed is lost (rule 16).
    public var isPostgresBehind: Bool { self == .gateAhead || self == .settledAhead }

    /// Nil if the gate can be trusted.
    public init?(row: PartitionRow, gate: GateView, identity: RedisIdentity) {
        if gate.status == .missing {
            self = .gateMissing
        } else if gate.epoch > row.epoch {
            self = .gateAhead
        } else if gate.epoch < row.epoch {
            self = .gateBehind
        } else if gate.status == .fenced {
            self = .gateFenced
        } else if row.identity != identity {
            self = row.identity?.runID == identity.runID ? .newHistory : .otherRedis
        } else if gate.settled > row.cursor {
            self = .settledAhead
        } else if row.cursor.epoch == row.epoch && row.cursor.n > gate.tail {
            self = .tailBehind
        } else if !Self.isWhole(gate, after: row) {
            self = .entriesMissing
        } else {
            return nil
        }
    }

    /// Whether no entry of the gate's own epoch is missing. Earlier epochs are not checked: the rebuild that
    /// closed them has counted their losses, and to find these again would cause one rebuild after the other.
    private static func isWhole(_ gate: GateView, after row: PartitionRow) -> Bool {
        var last = row.cursor
        guard let first = gate.items.first else {
            return last.epoch < row.epoch ? gate.tail == 0 : last.n == gate.tail
        }
        guard first.position.epoch == row.epoch else { return true }
        for item in gate.items {
            guard last.isFollowed(by: item.position) else { return false }
            last = item.position
        }
        return true
    }
}
