/// Locks that a test holds in PostgreSQL, to decide when a daemon can go on.
package import CouponCore
internal import TestSupport

extension World {
    /// Locks a coupon's row: none of its requests can be issued.
    package func lock(_ coupon: CouponID) async throws -> HeldLock {
        try await HeldLock(
            "SELECT id FROM coupond.coupon WHERE id = \(coupon.rawValue) FOR UPDATE", in: self)
    }

    /// Locks the rejections: no coupon can be loaded, while issuing goes on.
    package func lockRefusals() async throws -> HeldLock {
        try await HeldLock("LOCK TABLE coupond.issue_rejection", in: self)
    }

    /// Holds the locks of a statement.
    package func hold(_ statement: String) async throws -> HeldLock {
        try await HeldLock(statement, in: self)
    }
}

/// A session that holds a lock.
package struct HeldLock {
    private let world: World
    private let session: ServerProcess
    private let mark: String

    fileprivate init(_ statement: String, in world: World) async throws {
        self.world = world
        let mark = "lock \(UInt64.random(in: 0...(.max)))"
        self.mark = mark
        // One transaction, which lasts as long as the sleep.
        session = try ServerProcess(
            "psql",
            arguments: [
                "--no-psqlrc", "--dbname", world.database,
                "--command", "\(statement); SELECT pg_sleep(600) /* \(mark) */",
            ], in: try world.folder.makeFolder(mark))
        try await eventually("\(statement) is done") {
            try world.sql("SELECT count(*) \(Self.asleep(mark))") == "1"
        }
    }

    private static func asleep(_ mark: String) -> String {
        """
        FROM pg_stat_activity
        WHERE wait_event = 'PgSleep' AND query LIKE '%\(mark)%' AND pid <> pg_backend_pid()
        """
    }

    /// Releases the lock.
    package func release() async throws {
        try world.sql("SELECT pg_terminate_backend(pid) \(Self.asleep(mark))")
        _ = try await session.waitForEnd()
    }
}
