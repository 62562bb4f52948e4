/// Every method by every principal.
import CouponCore
import CouponWire
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct MethodRoleTests {
    /// Which principals of this test may call a method.
    private static let roles: [(method: Request.Method, allowed: Set<String>)] = {
        let (id, everybody) = (CouponID(77), Set(principals.map(\.name)))
        let window = Window(opens: .zero, closes: Timestamp(microseconds: 1))
        let (operators, admins): (Set<String>, Set<String>) = (
            ["operator", "all", "token"], ["admin", "all", "token"]
        )
        return [
            (.issue(IssueRequest(coupon: id, user: UserID(1))), ["issuer", "all"]),
            (.couponStatus(coupon: id, user: nil), ["reader", "all"]),
            (
                .issueBatch(IssueBatch(coupon: id, items: [IssueBatch.Item(user: 1)])),
                ["issuer", "all"]
            ),
            (.couponStatusBatch(coupon: id, users: [1]), ["reader", "all"]),
            (.watch(EventQuestion(.now, waitMilliseconds: 0)), ["watcher", "all", "token"]),
            (.health, everybody), (.serverInfo(), everybody),
            (.authenticate(token: Array("all".utf8)), everybody),
            (.getCoupon(id), operators), (.listCoupons(after: id, limit: 1), operators),
            (.pauseCoupon(id), operators), (.resumeCoupon(id), operators),
            (.auditCoupon(id), operators), (.listIssues(id, after: UserID(0), limit: 1), operators),
            (.listDeadLetters(after: 0, coupon: nil), operators),
            (.redriveDeadLetter(1), operators), (.discardDeadLetter(1), operators),
            (.listAdminActions(.all, before: 1, limit: 1), operators),
            (.explain(coupon: id, user: UserID(1)), operators), (.topology, operators),
            (.listConnections(ConnectionFilter(), after: 0, limit: 1), operators),
            // The window of coupon 77 has passed. Nobody creates coupon 78.
            (.createCoupon(Coupon(id: id, title: "t", total: 1, window: window)), admins),
            (.updateCoupon(CouponID(78), CouponChange(title: "t")), admins),
            (.closeCoupon(CouponID(78)), admins), (.deleteCoupon(CouponID(78)), admins),
            (.archiveCoupon(CouponID(78)), admins), (.unarchiveCoupon(CouponID(78)), admins),
            (.reload, admins),
            (.rebuildGate(PartitionID(5_000)), admins), (.adoptRedis, admins),
            (.endConnections(ConnectionFilter(id: .max)), admins),
        ]
    }()

    /// Each has a token of the callers file, except `nobody` and `token`. `token` sends the admin token with
    /// each request.
    private static let principals: [(name: String, roles: String?)] = [
        ("nobody", nil), ("token", nil), ("issuer", "issuer"), ("reader", "reader"),
        ("watcher", "watcher"), ("operator", "operator"), ("admin", "admin"),
        ("all", "issuer,reader,watcher,operator,admin"),
    ]

    private func text(_ path: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// Each method of the schema as `name number`.
    private func schemaMethods() throws -> [String] {
        let schema = try text("Proto/coupond/v1/coupond.proto")
        let request = try #require(schema.split(separator: "oneof method {").dropFirst().first)
        let methods = try #require(request.split(separator: "}").first)
            .matches(of: /\w+Request (\w+) = (\d+);/).map { "\($0.1) \($0.2)" }
        #expect(methods.count > 15)
        return methods
    }

    @Test func `every method of the schema is in the table`() throws {
        let names = try schemaMethods().map { $0.prefix { $0 != " " } }
        #expect(names.sorted() == Self.roles.map { $0.method.name[...] }.sorted())
    }

    @Test func `docs/PROTOCOL.md has each method with its number and its role`() throws {
        let rows = try text("docs/PROTOCOL.md").split(separator: "\n").compactMap {
            $0.firstMatch(
                of: /^\| `(\w+)` \((\d+)\) \| (any|issuer|reader|watcher|operator|admin) \|/)
        }
        #expect(try schemaMethods().sorted() == rows.map { "\($0.1) \($0.2)" }.sorted())
        let roles = [String: String](
            uniqueKeysWithValues: rows.map { (String($0.1), String($0.3)) })
        for (method, allowed) in Self.roles {
            let role = roles[method.name] ?? "missing"
            let callers: Set<String> =
                switch role {
                case "any": Set(Self.principals.map(\.name))
                case "issuer", "reader": [role, "all"]
                default: [role, "all", "token"]
                }
            #expect(allowed == callers, "\(method.name)")
            // The client sends the admin token with these.
            #expect(method.isAdmin == (role != "any" && callers.contains("token")))
        }
    }

    @Test func `each principal may call the methods of its roles, and no others`() async throws {
        let folder = try TemporaryFolder()
        let token = try folder.write("open sesame, please\n", to: "token")
        let lines = Self.principals.compactMap { principal in
            principal.roles.map { CallersWorld.line(principal.name, "roles=\($0)") }
        }
        let world = try await CallersWorld(lines, ["--admin-token-file", token])
        for principal in Self.principals {
            let isKnown = principal.roles != nil
            let socket = try world.socket(isKnown ? principal.name : nil)
            for (method, allowed) in Self.roles {
                // After it the connection would be another principal's.
                if case .authenticate = method, isKnown { continue }
                let isToken = principal.name == "token"
                let target =
                    if case .authenticate = method { try world.socket(nil) } else { socket }
                try target.send(
                    Request(
                        id: 5, deadlineMilliseconds: 20_000,
                        token: isToken ? Array("open sesame, please".utf8) : [], method: method))
                let answer = try #require(try target.response())
                let expected: StatusCode? =
                    allowed.contains(principal.name)
                    ? nil : isKnown ? .permissionDenied : .unauthenticated
                #expect(
                    Self.refusal(answer) == expected,
                    "\(principal.name): \(method.name): \(answer)")
            }
            try socket.checkAlive()
        }
    }

    /// Nil if the method was allowed, whatever its answer is.
    private static func refusal(_ response: Response) -> StatusCode? {
        guard case .failure(let failure) = response.result,
            [.permissionDenied, .unauthenticated].contains(failure.code)
        else { return nil }
        return failure.code
    }
}
