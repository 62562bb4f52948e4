/// A client's session with PostgreSQL: statements and answers may be lost, and the end of a transaction may
/// be unknown. Like `Session` it reports a break once, and the next call connects again.
import CouponCore
import CoreTestKit

final class SimulatedSession {
    let play: Play
    let fiber: Fiber
    private let kind: Kind
    private(set) var session: PostgresServer.Session?

    typealias Kind = PostgresServer.Session.Kind

    init(_ play: Play, _ fiber: Fiber, kind: Kind) {
        self.play = play
        self.fiber = fiber
        self.kind = kind
    }

    var isConnected: Bool { session != nil && !fiber.isDead }

    func lost(_ reason: String) -> BackendError {
        if let session {
            if !session.isDetached { play.postgres.close(session) }
            if kind == .ledger { play.liveness.didLoseSession(fiber, reason) }
        }
        session = nil
        play.line.note(fiber.name, "PostgreSQL: \(reason)")
        return .postgres(.sessionLost(reason))
    }

    /// Sends a statement to the server. Afterwards the session works on it.
    func enter() throws(BackendError) -> PostgresServer.Session {
        if fiber.isDead { throw .postgres(.sessionLost("dead")) }
        let isNew = session == nil
        if isNew { session = play.postgres.connect(kind: kind) }
        guard let session else {
            play.sleep(fiber, play.line.random(1_000...100_000))
            throw lost("cannot connect")
        }
        play.sleep(fiber, play.line.delay())
        if fiber.isDead { throw .postgres(.sessionLost("dead")) }
        play.postgres.reap()
        guard session.isOpen else { throw lost("the session was ended") }
        if play.chance(play.faults.postgres) { throw lost("cut before the statement") }
        session.isWorking = true
        if isNew { try waitForStandby(session) }
        return session
    }

    /// The daemon is killed: its kernel closes the connection.
    func abandon() {
        if let session, !session.isDetached { play.postgres.close(session) }
        session = nil
    }

    /// Returns the answer to the client.
    func leave(_ session: PostgresServer.Session) throws(BackendError) {
        session.isWorking = false
        session.silentSince = play.line.now
        if play.chance(play.faults.postgres) { throw lost("cut before the answer") }
        play.sleep(fiber, play.line.delay())
        if fiber.isDead { throw .postgres(.sessionLost("dead")) }
    }

    /// Runs one reading statement in a transaction of its own.
    /// - Parameter work: how long it takes to read the result.
    func read<Value>(
        work: (Value) -> Int64 = { _ in 0 }, _ body: (ModelTables) -> Value
    ) throws(BackendError) -> Value {
        let session = try enter()
        let value = body(play.postgres.tables)
        try spend(work(value))
        try leave(session)
        return value
    }

    /// The server works for so long. The session is not silent, but may be ended.
    func spend(_ microseconds: Int64) throws(BackendError) {
        guard microseconds > 0, let session else { return }
        session.isWorking = true
        play.sleep(fiber, microseconds)
        if fiber.isDead { throw .postgres(.sessionLost("dead")) }
        guard session.isOpen else { throw lost("the session was ended") }
    }

    /// Waits for a row lock, up to the lock timeout.
    func lock(
        _ resource: PostgresServer.Resource, exclusively: Bool = true
    ) throws(BackendError) {
        guard let session else { throw lost("no session") }
        session.isWorking = true
        let end = play.line.now + 250_000
        while !play.postgres.tryLock(resource, exclusively: exclusively, session) {
            guard !fiber.isDead, session.isOpen else { throw lost("the session was ended") }
            if play.line.now >= end {
                session.isWorking = false
                throw .postgres(.busy("lock timeout"))
            }
            play.sleep(fiber, play.line.random(500...8_000))
        }
        if play.chance(play.faults.postgres) { throw .postgres(.busy("deadlock detected")) }
    }

    /// Ends the transaction, and releases its locks.
    func rollBack() {
        session?.locks.removeAll()
        session?.isWorking = false
        session?.silentSince = play.line.now
    }

    /// Rule 54: until the standby has what was committed before.
    func waitForStandby(_ session: PostgresServer.Session) throws(BackendError) {
        try wait(session) { false }
        play.postgres.didReplicate()
    }

    /// Waits until the standby is back, or until somebody cancels the wait.
    private func wait(
        _ session: PostgresServer.Session, unless isCancelled: () -> Bool
    ) throws(BackendError) {
        session.isWorking = true
        while play.postgres.isStandbyAway, !isCancelled() {
            play.sleep(fiber, 20_000)
            if fiber.isDead { throw .postgres(.sessionLost("dead")) }
            guard session.isOpen else { throw lost("the session was ended") }
        }
    }

    /// A COMMIT waits for the standby before anybody sees it. If the wait is cancelled, everybody sees it,
    /// and the standby lacks it.
    private func waitToCommit<Value>(
        _ session: PostgresServer.Session, _ name: String,
        _ apply: @escaping (inout ModelTables) -> Value
    ) throws(BackendError) {
        guard play.postgres.isStandbyAway else { return }
        let end = play.line.chance(400) ? play.line.now + play.line.random(1_000...500_000) : .max
        try wait(session) { [play] in play.line.now >= end }
        guard play.postgres.isStandbyAway else { return }
        _ = play.postgres.commit(apply)
        throw lost("the wait for the standby was cancelled: \(name)")
    }

    /// COMMIT: the request or the answer may be lost, or it may run after the client got an error.
    func commit<Value>(
        _ name: @autoclosure () -> String, _ apply: @escaping (inout ModelTables) -> Value
    ) throws(BackendError) -> Value {
        let session = try enter()
        if play.chance(play.faults.commit) {
            switch play.line.random(0...2) {
            case 0: throw lost("COMMIT was lost: \(name())")
            case 1:
                _ = play.postgres.commit(apply)
                throw lost("the answer to COMMIT was lost: \(name())")
            default:
                session.isDetached = true
                play.line.after(play.line.random(1_000...1_500_000)) { [play] in
                    guard session.isOpen else { return }
                    play.line.note("postgres", "a late COMMIT")
                    _ = play.postgres.commit(apply)
                    play.postgres.close(session)
                }
                throw lost("COMMIT is late: \(name())")
            }
        }
        try waitToCommit(session, name(), apply)
        let value = play.postgres.commit(apply)
        session.locks.removeAll()
        play.line.note(fiber.name, "commit: \(name()) -> \(value)")
        try leave(session)
        return value
    }

    /// The same, with the lock of what it changes.
    func commit<Value>(
        locking resource: PostgresServer.Resource, _ name: @autoclosure () -> String,
        _ apply: @escaping (inout ModelTables) -> Value
    ) throws(BackendError) -> Value {
        do throws(BackendError) {
            _ = try enter()
            try lock(resource)
            return try commit(name(), apply)
        } catch {
            rollBack()
            throw error
        }
    }
}
