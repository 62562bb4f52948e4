/// couponctl against a daemon: its JSON output and its exit codes.
import CouponClient
import CouponCore
import TestSupport
import TestWorld
import Testing

extension DaemonTests {
    @Suite struct CommandLineTests {
        @Test func `create, list, issue, status and verify print JSON`() async throws {
            let id = "3000001"
            let create = [
                "coupon", "create", "--id", id, "--title", "Spring sale", "--total", "1",
                "--opens=-1m", "--closes", "+1h",
            ]
            let created = try await couponctl(create)
            #expect(created.end == .code(0) && created["title"] == "Spring sale")
            #expect(try await couponctl(create).end == .code(1))
            let list = try await couponctl(["coupon", "list"])
            #expect(list.end == .code(0) && list.text.contains("\"Spring sale\""))

            // If the machine stalls for seconds, coupond may not answer: exit code 69.
            var issued = try await couponctl(["coupon", "get", id])
            try await eventually("user 1 is issued") {
                issued = try await couponctl([
                    "issue", "--coupon", id, "--user", "1", "--request-id", "0a", "--wait-issued",
                ])
                return issued.end == .code(0)
            }
            #expect(issued["outcome"] == "ISSUED" && issued["sequence"] == 1)
            let issues = try await couponctl(["coupon", "issues", id])
            #expect(issues.end == .code(0) && issues["user_id"] == 1 && issues["sequence"] == 1)
            let late = try await couponctl(["issue", "--coupon", id, "--user", "2"])
            #expect(late.end == .code(1) && late["outcome"] == "SOLD_OUT")
            let again = try await couponctl([
                "issue", "--coupon", id, "--user", "1", "--request-id", "0a",
            ])
            #expect(again.end == .code(0) && again["sequence"] == 1, "\(again.text)")
            let status = try await couponctl(["status", "--coupon", id, "--user", "1"])
            #expect(status.end == .code(0) && status.text.contains("\"ISSUED\""))
            let verify = try await couponctl(["verify", "--coupon", id])
            #expect(verify.end == .code(0), "\(verify.text)")
        }

        @Test func `a file creates its coupons in order, up to the first one that is refused`()
            async throws
        {
            let folder = try TemporaryFolder()
            let lines = [
                #"{"id": 3000011, "title": "one", "total": 5}"#,
                #"{"id": "3000012", "title": "two", "closes_at": "2040-01-01T00:00:00Z"}"#,
                #"{"id": 3000013, "title": "three"}"#,
            ]
            let file = try folder.write(lines.joined(separator: "\n"), to: "coupons")
            let create = ["coupon", "create", "--file", file]
            let taken = ["coupon", "create", "--id", "3000012", "--title", "taken"]
            #expect(try await couponctl(taken).end == .code(0))

            let stopped = try await couponctl(create)
            #expect(stopped.end == .code(1))
            #expect(stopped.text.contains(#""id":3000011"#), "\(stopped.text)")
            #expect(stopped.text.contains("the coupons of the file before 3000012 are created"))
            let first = try await couponctl(["coupon", "get", "3000011"])
            #expect(first["title"] == "one" && first["total"] == 5)
            #expect(try await couponctl(["coupon", "get", "3000012"])["title"] == "taken")
            #expect(try await couponctl(["coupon", "get", "3000013"]).end == .code(1))

            // Nothing is created if one line cannot be read.
            let ids = [3_000_014, 3_000_015]
            let wrong = try folder.write(
                ids.map { #"{"id": \#($0), "title": "t"}"# }.joined(separator: "\n") + "\n{",
                to: "wrong")
            #expect(try await couponctl(["coupon", "create", "--file", wrong]).end == .code(64))
            #expect(try await couponctl(["coupon", "get", "3000014"]).end == .code(1))
            let right = try folder.write(
                ids.map { #"{"id": \#($0), "title": "t"}"# }.joined(separator: "\n"), to: "right")
            let created = try await couponctl(["coupon", "create", "--file", right])
            #expect(created.end == .code(0), "\(created.text)")
            #expect(created.text.split(separator: "\n").count == 2)
            for id in ids {
                #expect(try await couponctl(["coupon", "get", "\(id)"])["title"] == "t")
            }
        }

        @Test func `exit codes say what went wrong`() async throws {
            #expect(try await couponctl(["coupon", "get", "4000000002"]).end == .code(1))
            #expect(
                try await couponctl(["issue", "--coupon", "0", "--user", "1"]).end == .code(64))
            #expect(try await couponctl(["sell"]).end == .code(64))
            let port = try freePort()
            let away = try await CommandRun(
                builtExecutable("couponctl"),
                ["coupon", "get", "1", "--address", "127.0.0.1:\(port)"])
            #expect(away.end == .code(69))
        }

        @Test func `verify exits 1 if a row is missing`() async throws {
            let (world, daemon) = (try SharedWorld.current.world, try SharedWorld.current.one)
            let coupon = try await daemon.offer(total: 5)
            for user in 1...3 { try await daemon.win(coupon, Int64(user)) }
            let id = String(coupon.rawValue)
            let before = try await couponctl(["verify", "--coupon", id])
            #expect(before.end == .code(0), "\(before.text)")
            try world.sql(
                "DELETE FROM coupond.coupon_issue WHERE coupon_id = \(id) AND user_id = 2")
            let after = try await couponctl(["verify", "--coupon", id])
            #expect(after.end == .code(1) && after.text.contains("BREACH"), "\(after.text)")
        }

        @Test
        func
            `a change that the gate does not have yet is committed, and the exit code says unknown`()
            async throws
        {
            let world = try await World()
            let daemon = try await world.daemon()
            _ = try await daemon.client.create(.offer(1, total: 1))
            try await world.redis.kill()
            let pause = try await CommandRun(
                builtExecutable("couponctl"),
                ["coupon", "pause", "1", "--json", "--address", "127.0.0.1:\(daemon.port)"])
            #expect(pause.end == .code(75), "\(pause.text)")
            #expect(pause.text.contains("is committed"), "\(pause.text)")
            #expect(pause.text.contains(#""acceptance":"UNKNOWN""#), "\(pause.text)")
            #expect(try world.sql("SELECT state FROM coupond.coupon WHERE id = 1") == "2")
        }

        @Test
        func `a change is refused while PostgreSQL is away`()
            async throws
        {
            let world = try await World(ownPostgres: true)
            let daemon = try await world.daemon()
            _ = try await daemon.client.create(.offer(1, total: 1))
            try await world.postgres.kill()
            func pause() async throws -> CommandRun {
                try await CommandRun(
                    builtExecutable("couponctl"),
                    ["coupon", "pause", "1", "--json", "--address", "127.0.0.1:\(daemon.port)"])
            }
            // The result is unknown if the call finds its session broken, because its COMMIT may have been in
            // flight. But a session that was idle is replaced before the call.
            let first = try await pause()
            #expect([.code(69), .code(75)].contains(first.end), "\(first.text)")
            let second = try await pause()
            #expect(second.end == .code(69), "\(second.text)")
            #expect(second.text.contains(#""acceptance":"NOT_ACCEPTED""#), "\(second.text)")
        }

        @Test func `the tokens of the context in use go to its own daemon only`() async throws {
            let folder = try TemporaryFolder()
            func contextual(_ arguments: [String]) async throws -> CommandRun {
                try await CommandRun(
                    builtExecutable("couponctl"), arguments,
                    environment: ["XDG_CONFIG_HOME": folder.path])
            }
            let daemon = ["--address", "127.0.0.1:\(try SharedWorld.current.one.port)"]
            let add = ["context", "add", "prod", "--caller-token-file", "/nowhere/token"]
            #expect(try await contextual(add + ["--address", "127.0.0.1:1"]).end == .code(0))
            #expect(try await contextual(["context", "use", "prod"]).end == .code(0))
            #expect(try await contextual(["coupon", "list"] + daemon).end == .code(0))
            let named = try await contextual(["coupon", "list", "--context", "prod"] + daemon)
            #expect(named.end == .code(64), "\(named.text)")
            #expect(named.text.contains("/nowhere/token"), "\(named.text)")
        }

        @Test(arguments: [[], ["--wait-issued"]])
        func `bench runs a sale whose accounts add up`(_ options: [String]) async throws {
            let bench = try await couponctl(
                [
                    "bench", "--users", "1500", "--coupon-total", "500", "--connections", "8",
                    "--pipeline", "16",
                ] + options)
            #expect(bench.end == .code(0), "\(bench.text)")
        }
    }
}

/// Runs couponctl with `--json` against the first of the shared daemons.
private func couponctl(_ command: [String]) async throws -> CommandRun {
    let port = try SharedWorld.current.one.port
    return try await CommandRun(
        builtExecutable("couponctl"), command + ["--json", "--address", "127.0.0.1:\(port)"])
}
