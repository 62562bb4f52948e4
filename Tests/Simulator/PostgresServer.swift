/// PostgreSQL as far as the rules need it: committed tables, sessions, row locks and advisory locks.
import CouponCore
import CoreTestKit

final class PostgresServer {
    enum Resource: Hashable {
        case partition(PartitionID)
        case coupon(CouponID)
        case outbox(CouponID)
    }

    /// A session on the server. It may outlive the client's connection.
    final class Session {
        var isOpen = true
        /// Has a COMMIT on its way whose answer no client waits for.
        var isDetached = false
        /// When its last statement ended.
        var silentSince: Int64 = 0
        var isWorking = false
        let kind: Kind
        /// Row locks; true is exclusive.
        var locks: [Resource: Bool] = [:]
        var owned: Set<PartitionID> = []
        /// Of partitions that change hands (rule 56).
        var handovers: [HandoverLock: Set<PartitionID>] = [:]
        var isMember = false

        init(kind: Kind) { self.kind = kind }

        /// Decides how long a session may be silent before the server ends it: 2 s for a ledger, 5 s for a
        /// store, and that only within a transaction.
        enum Kind { case ledger, store }

        /// In microseconds; nil if there is no limit.
        var longestSilence: Int64? {
            switch kind {
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
    /// Whether the synchronous standby does not answer, so that commits wait.
    var isStandbyAway = false
    /// What the standby has, while it lacks something; nil if it has everything.
    private(set) var replicated: ModelTables?

    init(_ play: Play, tables: ModelTables) {
        self.play = play
        self.tables = tables
    }

    var now: Timestamp { play.wall(offset: 0) }

    /// Commits a change of the tables, and checks the invariants.
    func commit<Value>(_ body: (inout ModelTables) -> Value) -> Value {
        if isStandbyAway { replicated = replicated ?? tables } else { didReplicate() }
        let value = body(&tables)
        play.witness.didCommit()
        return value
    }

    // MARK: Sessions

    func connect(kind: Session.Kind) -> Session? {
        guard isUp else { return nil }
        let session = Session(kind: kind)
        session.silentSince = play.line.now
        sessions.append(session)
        return session
    }

    func close(_ session: Session) {
        session.isOpen = false
        session.locks.removeAll()
        session.owned.removeAll()
        session.handovers.removeAll()
        session.isMember = false
        sessions.removeAll { $0 === session }
    }

    /// Ends the sessions that were silent for too long.
    func reap() {
        for session in sessions where !session.isWorking && !session.isDetached {
            guard let longest = session.longestSilence,
                play.line.now - session.silentSince > longest
            else { continue }
            play.line.note("postgres", "ends a silent session")
            close(session)
        }
    }

    /// A member's rank among all members, in the order of their sessions.
    func membership(of session: Session) -> Membership {
        reap()
        let members = sessions.filter(\.isMember)
        let rank = members.firstIndex { $0 === session } ?? 0
        func handovers(_ kind: HandoverLock) -> Set<PartitionID> {
            sessions.filter { $0 !== session }
                .reduce(into: []) { $0.formUnion($1.handovers[kind] ?? []) }
        }
        return Membership(
            rank: rank, count: max(1, members.count), offered: handovers(.offer),
            taken: handovers(.taker))
    }

    /// Several may offer one partition.
    func tryLock(_ kind: HandoverLock, of partition: PartitionID, _ session: Session) -> Bool {
        reap()
        let isTaken = sessions.contains {
            $0 !== session && $0.handovers[kind]?.contains(partition) == true
        }
        guard session.isOpen, kind == .offer || !isTaken else { return false }
        session.handovers[kind, default: []].insert(partition)
        return true
    }

    func tryOwn(_ partition: PartitionID, _ session: Session) -> Bool {
        reap()
        guard session.isOpen,
            !sessions.contains(where: { $0 !== session && $0.owned.contains(partition) })
        else { return false }
        session.owned.insert(partition)
        return true
    }

    /// Takes the row lock if it is free for this session.
    func tryLock(_ resource: Resource, exclusively: Bool, _ session: Session) -> Bool {
        reap()
        guard session.isOpen, isFree(resource, exclusively: exclusively, session) else {
            return false
        }
        session.locks[resource] = exclusively || session.locks[resource] == true
        return true
    }

    private func isFree(_ resource: Resource, exclusively: Bool, _ session: Session) -> Bool {
        !sessions.contains { other in
            other !== session && (other.locks[resource].map { $0 || exclusively } ?? false)
        }
    }

    // MARK: Faults

    func takeSnapshot() { snapshots.append(tables) }

    /// Ends all sessions, and is down for a while.
    func restart(after delay: Int64) {
        isUp = false
        for session in sessions { close(session) }
        play.line.after(delay) { [self] in
            isUp = true
            play.line.note("postgres", "up again")
        }
    }

    /// Goes back to an earlier state, such as a lagging standby's (rule 16).
    func rollBack() {
        guard !snapshots.isEmpty else { return }
        // Later snapshots are not part of this history any more.
        snapshots.removeLast(play.line.draw(0...snapshots.count - 1))
        tables = snapshots[snapshots.count - 1]
        play.witness.postgresWentBack()
    }

    /// The standby has everything that was committed.
    func didReplicate() { replicated = nil }

    /// The primary is lost, and its standby takes its place.
    func promoteStandby(after delay: Int64) {
        restart(after: delay)
        let lost = tables
        tables = replicated ?? tables
        (replicated, isStandbyAway) = (nil, false)
        play.witness.didPromote(from: lost)
    }

    func endAllSessions() { for session in sessions { close(session) } }

    /// Ends the sessions that own a partition whose gate is fenced.
    func endSessionsOfRebuilds() {
        let gates = play.gates.map(\.gate)
        for session in sessions
        where session.owned.contains(where: { gates[$0.rawValue]?.isFenced == true }) {
            play.line.note("postgres", "ends a session in the middle of a rebuild")
            close(session)
        }
    }

    func endOneSession() { play.line.pick(sessions).map(close) }
}
