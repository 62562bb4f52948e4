/// The scheduler's session with PostgreSQL: it owns partitions, and it issues coupons.
///
/// Ownership is a session's advisory lock. It ends with the session, even if the daemon is only stopped
/// (rule 9). It saves work; safety rests on the fence of each transaction.
public import CouponCore
public import Logging

/// `Ledger` by libpq. Blocking, and confined to one thread; after `sessionLost` the next call connects again.
public final class PostgresLedger: Ledger {
    let session: Session
    private let idleMilliseconds: Int
    private let reportMissingRights: @Sendable (String?) -> Void
    private var rightsCheckAt = ContinuousClock.now
    /// Whether commits waited for a standby when a lock was last asked for.
    private var commitsWait = false
    /// What the session `generation` has locked; the locks of earlier sessions are gone.
    private var locks = Locks(generation: 0)

    private struct Locks {
        let generation: Int
        var partitions: Set<PartitionID> = []
        var handovers: [HandoverLock: Set<PartitionID>] = [:]
        /// The number of its member lock.
        var member: Int64?
    }

    /// Connects with the first call.
    public init(_ options: PostgresOptions, logger: Logger) {
        session = Session(options, role: .ledger, logger: logger)
        idleMilliseconds = options.idleTimeoutMilliseconds
        reportMissingRights = options.reportMissingRights
    }

    /// Whether the session was alive after the last call.
    public var isConnected: Bool { session.isConnected }

    /// Connects if need be, and shows the server that the session lives.
    public func ping() throws(BackendError) { _ = try session.run("SELECT") }

    /// Joins the daemons that share the partitions. Returns how many there are, and this one's place in the
    /// order of their lock numbers, with the handovers of the others.
    public func joinMembers() throws(BackendError) -> Membership {
        try checkRights()
        let number = try join()
        let rows = try session.run(
            endStalledSessions,
            Statement(
                """
                SELECT classid::int8, objid::int8, pid = pg_catalog.pg_backend_pid()
                FROM pg_catalog.pg_locks
                WHERE locktype = 'advisory' AND objsubid = 2 AND granted
                    AND classid IN ($1::int4::oid, $2::int4::oid, $3::int4::oid)
                    AND database = (
                        SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
                """, isPrepared: true, .integer(AdvisoryLock.member),
                .integer(AdvisoryLock.offer), .integer(AdvisoryLock.taker)))
        var (numbers, offered, taken): ([Int64], Set<PartitionID>, Set<PartitionID>) = ([], [], [])
        for row in 0..<rows.count {
            let (kind, key, isOwn) = (
                rows.integer(row, 0), rows.integer(row, 1), rows.boolean(row, 2)
            )
            switch kind {
            case AdvisoryLock.member: numbers.append(key)
            case AdvisoryLock.offer where !isOwn: offered.insert(PartitionID(Int(key)))
            case AdvisoryLock.taker where !isOwn: taken.insert(PartitionID(Int(key)))
            default: break
            }
        }
        // The locks are lost behind a pooler that gives each transaction another session.
        guard numbers.contains(number) else {
            throw .postgres(.sessionLost("the session does not have its own lock"))
        }
        return Membership(
            rank: numbers.count { $0 < number }, count: numbers.count, offered: offered,
            taken: taken)
    }

    /// Asks from time to time, so a right that is taken away is known before a statement needs it.
    private func checkRights() throws(BackendError) {
        guard ContinuousClock.now >= rightsCheckAt else { return }
        reportMissingRights(try session.missingRights())
        rightsCheckAt = .now + .seconds(5)
    }

    /// Ends the sessions of members and owners that stand still within a message or a COPY. The server's idle
    /// timeouts apply only between statements; its statement timeout does not end a COPY that waits for data.
    private var endStalledSessions: Statement {
        Statement(
            """
            SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
            WHERE state = 'active' AND wait_event_type = 'Client' AND usename = current_user
                AND query_start < clock_timestamp() - $2 * interval '1 ms'
                AND pid IN (
                    SELECT pid FROM pg_catalog.pg_locks
                    WHERE locktype = 'advisory' AND classid IN ($1::int4::oid, $3::int4::oid)
                        AND objsubid = 2 AND granted AND database = (
                            SELECT oid FROM pg_catalog.pg_database
                            WHERE datname = current_database()))
            """, isPrepared: true, .integer(AdvisoryLock.member), .integer(Int64(idleMilliseconds)),
            .integer(AdvisoryLock.owner))
    }

    /// The number of this session's member lock, taken if need be.
    private func join() throws(BackendError) -> Int64 {
        if isConnected, let number = currentLocks.member { return number }
        while true {
            // Two members with one number would count as one, so the number must be free.
            let number = Int64(Int32.random(in: 0...(.max)))
            guard try tryLock(AdvisoryLock.member, number) else { continue }
            locks = currentLocks
            locks.member = number
            return number
        }
    }

    /// Tries to become the partition's owner. True if it is the owner now, or was already.
    ///
    /// If there is a synchronous standby, it then has all that the last owner committed (rule 54).
    public func claim(_ partition: PartitionID) throws(BackendError) -> Bool {
        if isConnected && currentLocks.partitions.contains(partition) { return true }
        guard try tryLock(AdvisoryLock.owner, Int64(partition.rawValue)) else { return false }
        if commitsWait { _ = try session.run(Statement(Session.barrier)) }
        locks = currentLocks
        locks.partitions.insert(partition)
        return true
    }

    /// Releases a partition; harmless if it is not owned.
    public func release(_ partition: PartitionID) throws(BackendError) {
        locks = currentLocks
        guard isConnected, locks.partitions.remove(partition) != nil else { return }
        _ = try session.run(
            Statement(
                "SELECT pg_advisory_unlock($1::int4, $2::int4)", .integer(AdvisoryLock.owner),
                .integer(Int64(partition.rawValue))))
    }

    /// Takes a lock of a handover (rule 56).
    public func lock(
        _ kind: HandoverLock, of partition: PartitionID
    ) throws(BackendError) -> Bool {
        if isConnected && currentLocks.handovers[kind]?.contains(partition) == true { return true }
        let rows = try session.run(
            Statement(
                "SELECT \(kind.function)($1::int4, $2::int4)", .integer(kind.number),
                .integer(Int64(partition.rawValue))))
        guard rows.boolean(0, 0) else { return false }
        locks = currentLocks
        locks.handovers[kind, default: []].insert(partition)
        return true
    }

    /// Releases one.
    public func unlock(
        _ kind: HandoverLock, of partition: PartitionID
    ) throws(BackendError) {
        locks = currentLocks
        guard isConnected, locks.handovers[kind]?.remove(partition) != nil else { return }
        let function = kind == .offer ? "pg_advisory_unlock_shared" : "pg_advisory_unlock"
        _ = try session.run(
            Statement(
                "SELECT \(function)($1::int4, $2::int4)", .integer(kind.number),
                .integer(Int64(partition.rawValue))))
    }

    private var currentLocks: Locks {
        locks.generation == session.generation ? locks : Locks(generation: session.generation)
    }

    private func tryLock(_ kind: Int64, _ key: Int64) throws(BackendError) -> Bool {
        let rows = try session.run(
            Statement(
                "SELECT pg_try_advisory_lock($1::int4, $2::int4), \(Session.commitsWait)",
                .integer(kind), .integer(key)))
        commitsWait = rows.boolean(0, 1)
        return rows.boolean(0, 0)
    }
}

extension HandoverLock {
    fileprivate var number: Int64 {
        switch self {
        case .offer: AdvisoryLock.offer
        case .taker: AdvisoryLock.taker
        }
    }

    /// Several daemons may offer one partition.
    fileprivate var function: String {
        switch self {
        case .offer: "pg_try_advisory_lock_shared"
        case .taker: "pg_try_advisory_lock"
        }
    }
}
