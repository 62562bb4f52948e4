/// The commands of docs/BACKUP.md, as they are written there.
import CouponClient
import CouponCore
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(5))) struct BackupTests {
    /// Runs a recipe of the page in the world's folder, with its PostgreSQL and the daemon at a port.
    private func run(
        _ recipe: String, _ world: World, database: String, port: Int = 0
    ) async throws -> CommandRun {
        let commands = try Recipe(recipe, page: "BACKUP.md").text
            .replacing("=coupond.dump coupond", with: "=coupond.dump \(database)")
        let programs = [world.postgres.program("psql"), builtExecutable("couponctl")].map {
            URL(filePath: $0).deletingLastPathComponent().path
        }
        return try await CommandRun(
            "/bin/sh", ["-ec", "cd '\(world.folder.path)'\n\(commands)"],
            environment: [
                "PGHOST": world.postgres.socketFolder, "PGUSER": "coupond",
                "COUPONCTL_ADDRESS": "127.0.0.1:\(port)",
                "PATH": "\(programs.joined(separator: ":")):/usr/bin:/bin",
            ])
    }

    @Test(arguments: [true, false])
    func `a restored database goes on selling, with an empty Redis or one with later data`(
        isRedisLost: Bool
    ) async throws {
        let world = try await World(ownPostgres: true)
        let daemon = try await world.daemon()
        _ = try await daemon.client.create(.offer(1, total: 30))
        for user in 1...10 as ClosedRange<Int64> {
            _ = try await daemon.ask(CouponID(1), user, waitFor: .issued)
        }
        let name = String(world.database.split(separator: "=").last ?? "")
        let backup = try await run("backup", world, database: name)
        #expect(backup.end == .code(0), "\(backup.text)")
        // The issues of these users are not in the backup.
        for user in 11...15 as ClosedRange<Int64> {
            _ = try await daemon.ask(CouponID(1), user, waitFor: .issued)
        }
        #expect(try await daemon.stop() == .code(0))

        let restore = try await run("restore", world, database: name)
        #expect(restore.end == .code(0), "\(restore.text)")
        if isRedisLost { try await world.redis.cli("FLUSHALL") }
        let restored = LeastRights.connection(
            world.postgres.connection(to: "coupond_restored"), as: LeastRights.role)
        let next = try Daemon(world, postgres: restored)
        try await next.ready()
        // Users 11 to 15 have nothing any more. Until the daemon has seen that, the gate is closed to them.
        try await eventually("the rest is sold", within: .seconds(60)) {
            for user in 1...60 as ClosedRange<Int64> {
                _ = try? await next.ask(CouponID(1), user, waitFor: .issued)
            }
            return try world.postgres.query(
                "SELECT count(*), count(*) FILTER (WHERE user_id <= 10) FROM coupond.coupon_issue",
                on: world.postgres.connection(to: "coupond_restored")) == "30|10"
        }
        let check = try await run("check", world, database: name, port: next.port)
        #expect(check.end == .code(0), "\(check.text)")
        #expect(check.text.contains("OK"), "\(check.text)")
        #expect(try await next.stop() == .code(0))
    }
}
