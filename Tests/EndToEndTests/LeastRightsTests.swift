/// `coupond acl` and `coupond migrate`: an owner who changes the schema, and daemons that may not.
import CouponClient
import CouponCore
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct LeastRightsTests {
    private func coupond(_ arguments: String...) async throws -> CommandRun {
        try await CommandRun(builtExecutable("coupond"), arguments)
    }

    @Test func `migrate says what it did, and does nothing the second time`() async throws {
        let world = try await World()
        let database = try world.postgres.makeDatabase()
        let owner = LeastRights.connection(database, as: LeastRights.owner)
        let refused = try await coupond("migrate", "--postgres", owner)
        #expect(refused.end == .code(78))
        #expect(refused.text.contains("does not own the schema coupond"), "\(refused.text)")
        let script = try await coupond(
            "acl", "postgres", "--owner", LeastRights.owner, "--role", LeastRights.role)
        try world.postgres.query(script.text, on: database)
        let own = try await coupond("migrate", "--postgres", owner, "--grant-to", LeastRights.owner)
        #expect(own.end == .code(78) && own.text.contains("needs no --grant-to"), "\(own.text)")
        let first = try await coupond("migrate", "--postgres", owner, "--partitions", "4")
        #expect(first.end == .code(0))
        #expect(first.text.contains("migrated to version 1: coupond"), "\(first.text)")
        #expect(first.text.contains("and 4 partitions"))
        let second = try await coupond("migrate", "--postgres", owner, "--partitions", "4")
        #expect(second.end == .code(0) && !second.text.contains("migrated"), "\(second.text)")
        let other = try await coupond("migrate", "--postgres", owner)
        #expect(other.end == .code(78) && other.text.contains("set up with 4 partitions"))
        let away = try await coupond("migrate", "--postgres", "host=/nowhere dbname=x")
        #expect(away.end == .code(69), "\(away.text)")
    }

    @Test func `a daemon that may not migrate says who has to`() async throws {
        let world = try await World()
        try world.sql(
            "DELETE FROM coupond.schema_version WHERE version = "
                + "(SELECT max(version) FROM coupond.schema_version)")
        let daemon = try Daemon(world)
        #expect(try await daemon.process.waitForEnd() == .code(78))
        #expect(daemon.process.logText.contains("run `coupond migrate`"))
        #expect(daemon.process.logText.contains("does not own the schema"))
        let unwilling = try Daemon(
            world, ["--migrate-at-start", "false"], postgres: try world.postgres.makeDatabase())
        #expect(try await unwilling.process.waitForEnd() == .code(78))
        #expect(unwilling.process.logText.contains("migrate-at-start is false"))
    }

    /// One role for everything until now: the script takes the schema from it.
    @Test func `a database of one role becomes one of two`() async throws {
        let world = try await World()
        let (database, server) = (try world.postgres.makeDatabase(), world.postgres)
        let before = try Daemon(world, postgres: database)
        try await before.ready()
        let coupon = try await before.offer(total: 5)
        #expect(try await before.win(coupon, 1) == 1)
        #expect(try await before.stop() == .code(0))
        let script = try await coupond(
            "acl", "postgres", "--owner", LeastRights.owner, "--role", LeastRights.role)
        for _ in 1...2 { try server.query(script.text, on: database) }
        let clerk = LeastRights.connection(database, as: LeastRights.role)
        let after = try Daemon(world, postgres: clerk)
        try await after.ready()
        #expect(try await after.win(coupon, 2) == 2)
        #expect(try await after.stop() == .code(0))
        #expect(
            try server.query(
                """
                SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class
                WHERE relnamespace = 'coupond'::regnamespace
                """, on: database) == LeastRights.owner)
        for forbidden in [
            "CREATE TABLE coupond.mine ()", "CREATE SCHEMA mine", "DROP TABLE coupond.coupon_issue",
            "DELETE FROM coupond.coupon_issue", "UPDATE coupond.coupon_issue SET sequence = 1",
            "DELETE FROM coupond.coupon", "INSERT INTO coupond.partition (id) VALUES (99)",
            "TRUNCATE coupond.gate_outbox", "UPDATE coupond.schema_version SET version = 1",
        ] {
            #expect(throws: ServerProcessError.self, "\(forbidden)") {
                try server.query(forbidden, on: clerk)
            }
        }
    }

    @Test func `a daemon serves with a Redis user without rights for replicas`() async throws {
        let world = try await World()
        let password = try world.folder.write("hush\n", to: "hush")
        let user = ["--redis-user", "clerk", "--redis-password-file", password]
        let run = try await CommandRun(builtExecutable("coupond"), ["acl", "redis"] + user)
        #expect(run.text.hasPrefix("ACL SETUSER clerk reset on >PASSWORD ~coupond:* "))
        #expect(!run.text.contains("+wait") && !run.text.contains("replicas"), "\(run.text)")
        let command = run.text.replacing("PASSWORD", with: "hush").split(separator: " ")
        #expect(try await world.redis.cli(command.map(String.init)) == "OK")
        let daemon = try await world.daemon(user)
        let coupon = try await daemon.offer(total: 1)
        #expect(try await daemon.win(coupon, 1) == 1)
        #expect(try await daemon.stop() == .code(0))
        let waiting = try Daemon(world, user + ["--redis-wait-replicas", "1"])
        #expect(try await waiting.process.waitForEnd() == .code(78))
        #expect(waiting.process.logText.contains("WAIT"))
    }

    @Test func `the documented commands make all rights that a daemon needs`() async throws {
        let world = try await World()
        let (database, server) = (try world.postgres.makeDatabase(), world.postgres)
        _ = try world.folder.write(
            "redis-user = clerk\nredis-password-file = redis-password\n", to: "coupond.conf")
        // The password has characters that mean something else to sed.
        let password = try world.folder.write("hu/s&h\\1\r\n", to: "redis-password")
        let owner = LeastRights.connection(database, as: LeastRights.owner)
        let commands = try Recipe("rights").text
            .replacing("redis-cli", with: "redis-cli -s '\(world.redis.socket)'")
            .replacing("psql -d coupond", with: "'\(server.program("psql"))' -d '\(database)'")
            .replacing("dbname=coupond user=coupon_owner", with: owner)
            .replacing("--owner coupon_owner", with: "--owner \(LeastRights.owner)")
            .replacing("--role coupond", with: "--role \(LeastRights.role)")
            .replacing("--grant-to coupond", with: "--grant-to \(LeastRights.role)")
        let programs = URL(filePath: builtExecutable("coupond")).deletingLastPathComponent().path
        let run = try await CommandRun(
            "/bin/sh", ["-ec", "cd '\(world.folder.path)'\n" + commands],
            environment: ["PATH": "\(programs):/usr/bin:/bin"])
        #expect(run.end == .code(0), "\(run.text)")
        #expect(run.text.hasPrefix("OK"), "\(run.text)")
        let daemon = try Daemon(
            world, ["--redis-user", "clerk", "--redis-password-file", password],
            postgres: LeastRights.connection(database, as: LeastRights.role))
        try await daemon.ready()
        let coupon = try await daemon.offer(total: 1)
        #expect(try await daemon.win(coupon, 1) == 1)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `without a subcommand coupond serves, as before`() async throws {
        let help = try await coupond("--help")
        #expect(help.end == .code(0))
        #expect(help.text.contains("--listen") && help.text.contains("migrate"))
        #expect(try await coupond("--version").text == "0.1.0")
        #expect(try await coupond("--check-config", "--max-batch", "7").end == .code(0))
        #expect(try await coupond("serve").end == .code(64))
        #expect(try await coupond("acl", "postgres", "--owner", "a;b").end == .code(64))
        let wrong = try await coupond("acl", "redis", "--redis-wait-replicas", "many")
        #expect(wrong.end == .code(78) && wrong.text.contains("--redis-wait-replicas"))
    }
}
