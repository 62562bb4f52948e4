/// Each admin action leaves its line in the trail: a new method without one fails here.
import CouponClient
import CouponCore
import Foundation
import NIOCore
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct AdminTrailTests {
    private static let coupon = CouponID(1)

    /// The methods of the schema, by the names of their fields.
    private static func methods() throws -> Set<String> {
        let schema = try String(
            contentsOf: URL(filePath: #filePath).deletingLastPathComponent()
                .deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "Proto/coupond/v1/coupond.proto"), encoding: .utf8)
        let body = schema.split(separator: "oneof method {").last?.split(separator: "}").first
        return Set(try #require(body).matches(of: /\w+Request (\w+) = \d+;/).map { String($0.1) })
    }

    private struct Method: Sendable {
        typealias Call = @Sendable (CouponClient, _ letters: [Int64]) async throws -> Void

        let name: String
        let leavesTrail: Bool
        let call: Call

        init(_ name: String, leavesTrail: Bool = false, _ call: @escaping Call) {
            self.name = name
            self.leavesTrail = leavesTrail
            self.call = call
        }
    }

    /// In an order in which all succeed.
    private static let calls: [Method] = [
        Method(
            "create_coupon", leavesTrail: true,
            { client, _ in _ = try await client.create(.offer(1, total: 5)) }),
        Method(
            "issue",
            { client, _ in
                _ = try await client.issue(IssueRequest(coupon: coupon, user: UserID(9)))
            }),
        Method("coupon_status", { client, _ in _ = try await client.status(of: coupon) }),
        Method(
            "issue_batch",
            { client, _ in
                _ = try await client.issue(
                    IssueBatch(coupon: coupon, items: [IssueBatch.Item(user: 9)]))
            }),
        Method(
            "coupon_status_batch",
            { client, _ in _ = try await client.status(of: coupon, users: [9]) }),
        Method("health", { client, _ in _ = try await client.health() }),
        Method("server_info", { client, _ in _ = try await client.serverInfo() }),
        Method("get_coupon", { client, _ in _ = try await client.coupon(coupon) }),
        Method("list_coupons", { client, _ in _ = try await client.coupons() }),
        Method(
            "update_coupon", leavesTrail: true,
            { client, _ in
                _ = try await client.update(coupon, CouponChange(title: "Summer"))
            }),
        Method(
            "pause_coupon", leavesTrail: true, { client, _ in _ = try await client.pause(coupon) }),
        Method(
            "resume_coupon", leavesTrail: true, { client, _ in _ = try await client.resume(coupon) }
        ),
        Method("audit_coupon", { client, _ in _ = try await client.audit(coupon) }),
        Method("list_issues", { client, _ in _ = try await client.issues(of: coupon) }),
        Method("list_dead_letters", { client, _ in _ = try await client.deadLetters() }),
        Method(
            "redrive_dead_letter", leavesTrail: true,
            { client, letters in
                _ = try await client.redrive(letters[0])
            }),
        Method(
            "discard_dead_letter", leavesTrail: true,
            { client, letters in
                _ = try await client.discard(letters[1])
            }),
        Method("list_admin_actions", { client, _ in _ = try await client.adminActions(of: .all) }),
        Method(
            "explain",
            { client, _ in
                _ = try await client.explanation(of: UserID(1), for: coupon)
            }),
        Method("topology", { client, _ in _ = try await client.topology() }),
        Method(
            "list_connections", { client, _ in _ = try await client.connections() }),
        Method(
            "end_connections", leavesTrail: true,
            { client, _ in _ = try await client.endConnections(ConnectionFilter(id: .max)) }),
        Method(
            "watch",
            { client, _ in
                _ = try await client.events(EventQuestion(.now, waitMilliseconds: 0))
            }),
        Method("reload", leavesTrail: true, { client, _ in try await client.reload() }),
        Method(
            "rebuild_gate", leavesTrail: true,
            { client, _ in
                _ = try await client.rebuildGate(PartitionID(1), deadline: .seconds(20))
            }),
        Method(
            "adopt_redis", leavesTrail: true, { client, _ in _ = try await client.adoptRedis() }),
        Method(
            "close_coupon", leavesTrail: true, { client, _ in _ = try await client.close(coupon) }),
        Method(
            "archive_coupon", leavesTrail: true,
            { client, _ in _ = try await client.archive(coupon) }),
        Method(
            "unarchive_coupon", leavesTrail: true,
            { client, _ in _ = try await client.unarchive(coupon) }),
        Method(
            "delete_coupon", leavesTrail: true,
            { client, _ in _ = try await client.delete(CouponID(3)) }),
    ]

    /// Makes dead letters of coupon 2.
    private func letters(_ world: World, _ daemon: Daemon) async throws -> [Int64] {
        _ = try await daemon.client.create(.offer(2, total: 5))
        try world.sql(
            """
            CREATE FUNCTION public.guard() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '22003'; END $$;
            CREATE TRIGGER guard BEFORE INSERT ON coupond.coupon_issue
                FOR EACH ROW EXECUTE FUNCTION public.guard()
            """)
        for user: Int64 in 1...2 {
            _ = try await daemon.ask(CouponID(2), user, waitFor: .issued)
        }
        try world.sql("DROP TRIGGER guard ON coupond.coupon_issue")
        return try await daemon.client.deadLetters().map(\.id)
    }

    @Test func `each method that changes something leaves its line, with before and after`()
        async throws
    {
        let calls = Self.calls
        // Clients authenticate by themselves.
        #expect(try Set(calls.map(\.name)) == Self.methods().subtracting(["authenticate"]))
        let world = try await World()
        let daemon = try await world.daemon()
        let letters = try await letters(world, daemon)
        _ = try await daemon.client.create(.offer(3, total: 5))
        _ = try await daemon.client.close(CouponID(3))
        let names = { try world.sql("SELECT method FROM coupond.admin_action ORDER BY id") }
        for method in calls {
            let (name, before) = (method.name, try names().split(separator: "\n").count)
            try await method.call(daemon.client, letters)
            let number = method.leavesTrail ? (name == "rebuild_gate" ? 2 : 1) : 0
            let expected = [String](repeating: name, count: number)
            try await eventually("\(name) leaves its lines") {
                try names().split(separator: "\n").dropFirst(before).map(String.init) == expected
            }
        }
        let lines = try await daemon.client.adminActions(of: .all, limit: 100)
        for (index, line) in lines.enumerated() {
            let action = line.action
            #expect(action.call.principal == "anonymous" && action.call.address == "127.0.0.1")
            #expect(action.count == 1)
            if index > 0 { #expect(line.id < lines[index - 1].id) }
            switch action.call.method {
            case "create_coupon": #expect(action.before == nil && action.after != nil)
            case "delete_coupon": #expect(action.before != nil && action.after == nil)
            case "reload": #expect(action.before == nil && action.after == nil)
            case "end_connections":
                #expect(action.before == nil && action.after?.contains("\"count\": 0") == true)
            case "rebuild_gate": #expect(action.after?.contains("\"partition\": 1") == true)
            default: #expect(action.before != nil && action.after != nil, "\(action)")
            }
        }
        let closed = try #require(lines.first { $0.action.call.method == "close_coupon" })
        #expect(closed.action.before?.contains(#""state": "ACTIVE""#) == true)
        #expect(closed.action.after?.contains(#""state": "CLOSED""#) == true)
        let ends = lines.filter { $0.action.call.method == "rebuild_gate" }.map(\.action.outcome)
        #expect(ends == ["OK", "BEGUN"])
        for method in calls where method.leavesTrail {
            try await daemon.process.logs("\"method\":\"\(method.name)\"")
        }
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a change that is refused leaves a line with its error`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        _ = try await daemon.client.create(.offer(1, total: 5))
        _ = try await daemon.client.close(Self.coupon)
        for refused in [
            { _ = try await daemon.client.resume(Self.coupon) },
            { _ = try await daemon.client.create(.offer(1, total: 5)) },
            { _ = try await daemon.client.pause(CouponID(99)) },
            { _ = try await daemon.client.update(CouponID(99), CouponChange(total: 7)) },
            { _ = try await daemon.client.redrive(99) },
            { _ = try await daemon.client.rebuildGate(PartitionID(999)) },
        ] as [() async throws -> Void] {
            await #expect(throws: ClientError.self) { try await refused() }
        }
        let outcomes = {
            try world.sql(
                """
                SELECT method, coupon_id, split_part(outcome, ':', 1),
                    CASE WHEN outcome <> 'OK' THEN after END
                FROM coupond.admin_action ORDER BY id
                """)
        }
        let expected = """
            create_coupon|1|OK|
            close_coupon|1|OK|
            resume_coupon|1|FAILED_PRECONDITION|
            create_coupon|1|ALREADY_EXISTS|
            pause_coupon|99|NOT_FOUND|
            update_coupon|99|NOT_FOUND|{"total": 7}
            redrive_dead_letter||NOT_FOUND|{"dead_letter": 99}
            rebuild_gate||BEGUN|{"epoch": null, "partition": 999}
            rebuild_gate||INVALID_ARGUMENT|{"epoch": null, "partition": 999}
            """
        try await eventually("all are there") { try outcomes() == expected }
        try await daemon.process.logs(#"{\"dead_letter\":99}"#)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `an action while PostgreSQL is away gets its line when PostgreSQL is back`()
        async throws
    {
        let world = try await World(ownPostgres: true)
        let daemon = try await world.daemon()
        world.postgres.pause()
        try await daemon.client.reload(deadline: .seconds(5))
        world.postgres.resume()
        try await eventually("the line is there, with the time of the reload") {
            try world.sql(
                """
                SELECT count(*) FROM coupond.admin_action WHERE method = 'reload' AND at < now()
                """) == "1"
        }
        try await daemon.client.reload()
        #expect(try await daemon.stop() == .code(0))
        #expect(try world.sql("SELECT count(*) FROM coupond.admin_action") == "2", "at its end")
    }

    @Test func `couponctl shows the history of a coupon and of a caller, the newest first`()
        async throws
    {
        let world = try await World()
        let daemon = try await world.daemon()
        _ = try await daemon.client.create(.offer(1, total: 5))
        _ = try await daemon.client.update(Self.coupon, CouponChange(title: "a\u{1B}[31m\u{202E}b"))
        _ = try await daemon.client.pause(Self.coupon)
        _ = try await daemon.client.create(.offer(2, total: 5))
        func run(_ words: String...) async throws -> CommandRun {
            try await CommandRun(
                builtExecutable("couponctl"),
                ["history", "--address", "127.0.0.1:\(daemon.port)"] + words)
        }
        let table = try await run("1")
        #expect(table.end == .code(0), "\(table.text)")
        let methods = table.text.matches(of: /(create|update|pause)_coupon/).map { String($0.0) }
        #expect(methods == ["pause_coupon", "update_coupon", "create_coupon"])
        #expect(table.text.contains("state: ACTIVE → PAUSED, version: 2 → 3"), "\(table.text)")
        #expect(table.text.contains("a\\u{1b}[31m\\u{202e}b"))
        #expect(!table.text.unicodeScalars.contains("\u{202E}"))
        let json = try await run("--principal", "anonymous", "--limit", "1", "--json")
        #expect(json["method"] == "create_coupon" && json["coupon_id"] == 2, "\(json.text)")
        let all = try await run("--json")
        let documents = all.text.split(separator: "\n")
        #expect(documents.count == 4)
        for document in documents {
            let value = try JSONSerialization.jsonObject(with: Data(document.utf8))
            #expect((value as? [String: Any])?["after"] is [String: Any])
        }
        #expect(!all.text.unicodeScalars.contains("\u{202E}"))
        #expect(try await run("--principal", "nobody").text.split(separator: "\n").count == 1)
        #expect(try await run("1", "--principal", "x").end == .code(64))
        #expect(try await daemon.stop() == .code(0))
    }
}
