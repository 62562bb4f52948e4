/// A client's session with PostgreSQL: statements that may be lost on the way or back, transactions whose
/// end may stay unknown. A break is told once; the next call connects anew, as `Session` does.
import CouponCore
import Models

final class SimulatedSession {
    let play: Play
    let fiber: Fiber
    private let patience: Patience
    private(set) var session: PostgresServer.Session?

    typealias Patience = PostgresServer.Session.Patience

    init(_ play: Play, _ fiber: Fiber, patience: Patience) {
        self.play = play
        self.fiber = fiber
        self.patience = patience
    }

    var isConnected: Bool { session != nil && !fiber.isDead }

    func lost(_ reason: String) -> LedgerError {
        if let session {
            if !session.isDetached { play.postgres.close(session) }
            if patience == .ledger { play.liveness.didLoseSession(fiber.daemon, reason) }
        }
        session = nil
        play.line.note(fiber.name, "PostgreSQL: \(reason)")
        return .sessionLost(reason)
    }

    /// The way of a statement to the server: after it the session stands and works.
    func enter() throws(LedgerError) -> PostgresServer.Session {
        if fiber.isDead { throw .sessionLost("dead") }
        let isNew = session == nil
        if isNew { session = play.postgres.connect(patience: patience) }
        guard let session else {
            play.sleep(fiber, play.line.random(1_000...100_000))
            throw lost("cannot connect")
        }
        play.sleep(fiber, play.line.delay())
        if fiber.isDead { throw .sessionLost("dead") }
        play.postgres.reap()
        guard session.isOpen else { throw lost("the session was ended") }
        if play.chance(play.faults.postgres) { throw lost("cut before the statement") }
        session.isWorking = true
        return session
    }

    /// The daemon is killed: its kernel closes the connection.
    func abandon() {
        if let session, !session.isDetached { play.postgres.close(session) }
        session = nil
    }

    /// The way back.
    func leave(_ session: PostgresServer.Session) throws(LedgerError) {
        session.isWorking = false
        session.silentSince = play.line.now
        if play.chance(play.faults.postgres) { throw lost("cut before the answer") }
        play.sleep(fiber, play.line.delay())
        if fiber.isDead { throw .sessionLost("dead") }
    }

    /// One statement in a transaction of its own, which only reads.
    /// - Parameter work: how long it takes to bring what was found.
    func read<Value>(
        work: (Value) -> Int64 = { _ in 0 }, _ body: (ModelTables) -> Value
    ) throws(LedgerError) -> Value {
        let session = try enter()
        let value = body(play.postgres.tables)
        try spend(work(value))
        try leave(session)
        return value
    }

    /// The server works for so long: no silence, but the session may be ended meanwhile.
    func spend(_ microseconds: Int64) throws(LedgerError) {
        guard microseconds > 0, let session else { return }
        session.isWorking = true
        play.sleep(fiber, microseconds)
        if fiber.isDead { throw .sessionLost("dead") }
        guard session.isOpen else { throw lost("the session was ended") }
    }

    /// Waits for a row lock, up to the lock timeout.
    func lock(
        _ resource: PostgresServer.Resource, exclusively: Bool = true
    ) throws(LedgerError) {
        guard let session else { throw lost("no session") }
        session.isWorking = true
        let end = play.line.now + 250_000
        while !play.postgres.tryLock(resource, exclusively: exclusively, session) {
            guard !fiber.isDead, session.isOpen else { throw lost("the session was ended") }
            if play.line.now >= end {
                session.isWorking = false
                throw .busy("lock timeout")
            }
            play.sleep(fiber, play.line.random(500...8_000))
        }
        if play.chance(play.faults.postgres) { throw .busy("deadlock detected") }
    }

    /// Ends the transaction: its locks go.
    func rollBack() {
        session?.locks.removeAll()
        session?.isWorking = false
        session?.silentSince = play.line.now
    }

    /// COMMIT: it may be lost on the way there, on the way back, or arrive after its sender was told so.
    func commit<Value>(
        _ name: @autoclosure () -> String, _ apply: @escaping (inout ModelTables) -> Value
    ) throws(LedgerError) -> Value {
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
        let value = play.postgres.commit(apply)
        session.locks.removeAll()
        play.line.note(fiber.name, "commit: \(name()) -> \(value)")
        try leave(session)
        return value
    }

    /// The same under the lock of what it changes.
    func commit<Value>(
        locking resource: PostgresServer.Resource, _ name: @autoclosure () -> String,
        _ apply: @escaping (inout ModelTables) -> Value
    ) throws(LedgerError) -> Value {
        do throws(LedgerError) {
            _ = try enter()
            try lock(resource)
            return try commit(name(), apply)
        } catch {
            rollBack()
            throw error
        }
    }
}
