/// PostgreSQL as the parts reach it: committed tables, sessions, row locks and advisory locks, at the depth
/// that the rules need.
import CouponCore
import Models

final class PostgresServer {
    enum Resource: Hashable {
        case partition(PartitionID)
        case coupon(CouponID)
        case note(CouponID)
    }

    /// A session as the server sees it; it may outlive the client's interest in it.
    final class Session {
        var isOpen = true
        /// Told to commit by a message that is still on its way: nobody waits for the answer.
        var isDetached = false
        /// Between two statements, since then.
        var silentSince: Int64 = 0
        var isWorking = false
        let patience: Patience
        /// Row locks; true is exclusive.
        var locks: [Resource: Bool] = [:]
        var owned: Set<PartitionID> = []
        var isMember = false

        init(patience: Patience) { self.patience = patience }

        /// How long a session may be silent until the server ends it: a ledger's 2 s, a store's 5 s, and that
        /// only within a transaction.
        enum Patience { case ledger, store }

        /// In microseconds; nil where it may be silent for ever.
        var longestSilence: Int64? {
            switch patience {
            case .ledger: 2_000_000
            case .store: locks.isEmpty ? nil : 5_000_000
            }
        }
    }

    unowned let play: Play
    private(set) var tables: ModelTables
    private(set) var isUp = true
    private var sessions: [Session] = []
    private var snapshots: [ModelTables] = []

    init(_ play: Play, tables: ModelTables) {
        self.play = play
        self.tables = tables
    }

    var now: Timestamp { play.wall(offset: 0) }

    /// A committed change of the tables, and the invariants after it.
    func commit<Value>(_ body: (inout ModelTables) -> Value) -> Value {
        let value = body(&tables)
        play.witness.didCommit()
        return value
    }

    // MARK: Sessions

    func connect(patience: Session.Patience) -> Session? {
        guard isUp else { return nil }
        let session = Session(patience: patience)
        session.silentSince = play.line.now
        sessions.append(session)
        return session
    }

    func close(_ session: Session) {
        session.isOpen = false
        session.locks.removeAll()
        session.owned.removeAll()
        session.isMember = false
        sessions.removeAll { $0 === session }
    }

    /// Ends the sessions that were silent for too long, as the server's timers do.
    func reap() {
        for session in sessions where !session.isWorking && !session.isDetached {
            guard let longest = session.longestSilence,
                play.line.now - session.silentSince > longest
            else { continue }
            play.line.note("postgres", "ends a silent session")
            close(session)
        }
    }

    /// A member's place among all, in the order of their sessions.
    func membership(of session: Session) -> Membership {
        reap()
        let members = sessions.filter(\.isMember)
        let rank = members.firstIndex { $0 === session } ?? 0
        return Membership(rank: rank, count: max(1, members.count))
    }

    func tryOwn(_ partition: PartitionID, _ session: Session) -> Bool {
        reap()
        guard session.isOpen,
            !sessions.contains(where: { $0 !== session && $0.owned.contains(partition) })
        else { return false }
        session.owned.insert(partition)
        return true
    }

    /// Whether the row lock was free for this session; then it is taken.
    func tryLock(_ resource: Resource, exclusively: Bool, _ session: Session) -> Bool {
        reap()
        guard session.isOpen, mayTake(resource, exclusively: exclusively, session) else {
            return false
        }
        session.locks[resource] = exclusively || session.locks[resource] == true
        return true
    }

    private func mayTake(_ resource: Resource, exclusively: Bool, _ session: Session) -> Bool {
        !sessions.contains { other in
            other !== session && (other.locks[resource].map { $0 || exclusively } ?? false)
        }
    }

    // MARK: Faults

    func takeSnapshot() { snapshots.append(tables) }

    /// Away for a while; every session is gone.
    func restart(after delay: Int64) {
        isUp = false
        for session in sessions { close(session) }
        play.line.after(delay) { [self] in
            isUp = true
            play.line.note("postgres", "up again")
        }
    }

    /// An earlier state, as a lagging standby has it (rule 16).
    func rollBack() {
        guard !snapshots.isEmpty else { return }
        // What was saved later belongs to a past that never was.
        snapshots.removeLast(play.line.draw(0...snapshots.count - 1))
        tables = snapshots[snapshots.count - 1]
        play.witness.postgresWentBack()
    }

    func endAllSessions() { for session in sessions { close(session) } }

    func endOneSession() { play.line.pick(sessions).map(close) }
}
