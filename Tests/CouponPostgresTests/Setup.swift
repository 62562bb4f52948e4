/// What every test here needs: a database of its own, a ledger, a store, and entries to issue.
import CouponCore
import CouponPostgres
import Foundation
import Logging
import Synchronization
import TestSupport
import Testing

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A database with the schema, four partitions, and coupons as a test names them.
struct TestDatabase {
    let server: PostgresServer
    /// Of a superuser.
    let connection: String
    let installation: Installation

    /// The servers that have the roles: two scripts must not make them at once.
    private static let prepared = Mutex<Set<String>>([])

    /// - Parameter hasRoles: whether the schema has an owner, and a role for daemons.
    init(
        on server: PostgresServer? = nil, encoding: String? = nil, hasRoles: Bool = true
    ) async throws {
        let server = if let server { server } else { try await PostgresServer.shared() }
        self.server = server
        connection = try server.makeDatabase(encoding: encoding)
        installation = try Installation.setUp(
            PostgresOptions(connection: connection), partitions: 4, logger: quiet)
        if hasRoles { try makeRoles() }
        try sql("UPDATE coupond.partition SET epoch = 1, cursor_epoch = 1")
    }

    private func makeRoles() throws {
        let script = RuntimeRights.script(owner: LeastRights.owner, role: LeastRights.role)
        let isFirst = try Self.prepared.withLock { servers in
            guard servers.insert(server.socketFolder).inserted else { return false }
            try sql(script)
            return true
        }
        if !isFirst { try sql(script) }
    }

    /// With the rights of a daemon, which must suffice for all that ledger and store do.
    var options: PostgresOptions {
        PostgresOptions(connection: LeastRights.connection(connection, as: LeastRights.role))
    }

    /// Of a superuser, for what a test does beside the daemon.
    var ownersOptions: PostgresOptions { PostgresOptions(connection: connection) }

    func ledger(_ change: (inout PostgresOptions) -> Void = { _ in }) -> PostgresLedger {
        var options = options
        change(&options)
        return PostgresLedger(options, logger: quiet)
    }

    func store() -> PostgresCouponStore {
        PostgresCouponStore(options, partitioning: installation.partitioning, logger: quiet)
    }

    @discardableResult
    func sql(_ text: String) throws -> String { try server.query(text, on: connection) }

    /// Makes a coupon; those with an id divisible by four are of partition 0.
    @discardableResult
    func coupon(_ id: Int64 = 4, total: Int64? = 100) throws -> CouponID {
        #expect(try store().create(.sample(id, total: total)))
        return CouponID(id)
    }
}

extension PostgresCouponStore {
    /// No coupon in the outbox was deleted.
    func resync(_ update: (Coupon, PartitionRow) -> Bool) throws(BackendError) -> Bool {
        let result = try resync(passing: [], update) { coupon, _ in
            Testing.Issue.record("coupon \(coupon.rawValue) was deleted")
            return false
        }
        return result == .synced
    }
}

extension Coupon {
    static func sample(_ id: Int64 = 4, total: Int64? = 100) -> Coupon {
        Coupon(
            id: CouponID(id), title: "Spring", total: total,
            window: Window(
                opens: Timestamp(microseconds: 1_000_001),
                closes: Timestamp(microseconds: Limits.maximumMicroseconds)))
    }
}

let partition = PartitionID(0)
/// The Redis for which tests raise epochs.
let node = RedisNodeState(identity: RedisIdentity(runID: "a", replicationID: "b"))

func id(_ user: Int64) -> RequestID { RequestID(high: UInt64(user), low: 7, length: 16) }

/// An entry of users in order, sequences from `first`.
func entry(
    _ n: Int64, coupon: Int64 = 4, first: Int64, users: some Sequence<Int64>, epoch: Epoch = 1
) -> QueueItem {
    .entry(
        QueueEntry(
            position: Position(epoch: epoch, n: n),
            acceptedAt: Timestamp(microseconds: 1_700_000_000_123_456),
            coupons: [
                QueuedCoupon(
                    coupon: CouponID(coupon), firstSequence: first,
                    requests: users.map { EntryRequest(user: UserID($0), requestID: id($0)) })
            ]))
}

/// A batch of whole entries from where the cursor stands.
func batch(
    _ items: QueueItem..., from: Int64 = 0, epoch: Epoch = 1,
    milliseconds: Int = Limits.issuingMilliseconds
) -> Batch {
    let start = Position(epoch: epoch, n: from)
    return Batch(
        partition: partition, epoch: epoch, from: start, to: items.last?.position ?? start,
        items: items, statementMilliseconds: milliseconds)
}

extension HolderReader {
    /// All that a load reads, page by page; nil if the coupon is missing.
    func loaded(
        _ coupon: CouponID
    ) throws -> (marks: LoadMarks, holders: [LoadedHolder])? {
        guard let marks = try marks(of: [coupon]).first else { return nil }
        var (place, all) = (HolderPlace.start, [LoadedHolder]())
        while place != .end {
            let page = try holders(of: coupon, after: place, limit: 5_000)
            all += page.holders
            place = page.end
        }
        return (marks, all)
    }
}

extension TestDatabase {
    /// How many rows and index entries of tables a call reads; PostgreSQL counts it when the session ends.
    func reads(
        of tables: String..., by call: (PostgresCouponStore) throws -> Void
    ) async throws -> Int {
        let before = try read(tables)
        try call(store())
        var now = before
        try await eventually("the reads are counted") {
            now = try read(tables)
            return now > before
        }
        return now - before
    }

    private func read(_ tables: [String]) throws -> Int {
        let names = tables.map { "'\($0)'" }.joined(separator: ", ")
        let text = try sql(
            """
            SELECT sum(seq_tup_read) + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes
                WHERE relname IN (\(names)))
            FROM pg_stat_user_tables WHERE relname IN (\(names))
            """)
        return try #require(Int(text))
    }

    /// Ends every session of this database except the one that asks.
    func terminateSessions() throws { try terminateSessions(where: "true") }

    /// Ends the sessions that wait for a lock.
    func terminateBlockedSessions() throws {
        try terminateSessions(where: "wait_event_type = 'Lock'")
    }

    private func terminateSessions(where condition: String) throws {
        try sql(
            """
            SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND \(condition)
            """)
    }

    /// Waits until a session waits for a lock.
    func waitUntilBlocked() async throws {
        try await eventually("a session waits for a lock") {
            try sql(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'
                """) != "0"
        }
    }

    /// Adds a trigger to every insert of an issue.
    func trigger(_ body: String) throws {
        try sql(
            """
            CREATE FUNCTION public.guard() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN \(body) RETURN NEW; END $$;
            CREATE TRIGGER guard BEFORE INSERT ON coupond.coupon_issue
                FOR EACH ROW EXECUTE FUNCTION public.guard()
            """)
    }
}

/// The session ends, or there is none because PostgreSQL cannot be reached.
func expectSessionLost(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) {
    let error = #expect(throws: BackendError.self, sourceLocation: sourceLocation) { try body() }
    switch error {
    case .postgres(.sessionLost), .postgres(.unreachable): break
    default: Testing.Issue.record("\(String(describing: error))", sourceLocation: sourceLocation)
    }
}

func expectBusy(sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void) {
    let error = #expect(throws: BackendError.self, sourceLocation: sourceLocation) { try body() }
    guard case .postgres(.busy) = error else {
        Testing.Issue.record("\(String(describing: error))", sourceLocation: sourceLocation)
        return
    }
}

/// Runs a long blocking call: on the pool, which has one thread for each core, it would stop other tests.
func onItsOwnThread<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}

extension PostgresOptions {
    /// For sessions that wait for a test: the test may be slow on a busy machine.
    var withLongTimeouts: PostgresOptions {
        var options = self
        options.lockTimeoutMilliseconds = 600_000
        options.statementTimeoutMilliseconds = 600_000
        options.answerTimeoutMilliseconds = 600_000
        return options
    }
}

let anyCall = AdminCall(
    principal: "alice", address: "127.0.0.1", method: "update_coupon", request: .max)

/// Changes by an admin whom the test does not care about.
extension PostgresCouponStore {
    func create(_ coupon: Coupon) throws(BackendError) -> Bool { try create(coupon, by: anyCall) }

    func update(
        _ id: CouponID, _ change: CouponChange, cap: (Coupon, PartitionRow) -> Bool
    ) throws(BackendError) -> CouponUpdateResult? {
        try update(id, change, by: anyCall, cap: cap)
    }

    func decide(
        _ letter: Int64, _ state: DeadLetter.State
    ) throws(BackendError) -> LetterDecision {
        try decide(letter, state, by: anyCall)
    }

    /// What PostgreSQL knows of one user and coupon.
    func standing(of user: UserID, for coupon: CouponID) throws(BackendError) -> UserStanding? {
        try standings(of: [CouponUser(user: user, coupon: coupon)]).first ?? nil
    }
}
