/// Who may call: principals of a callers file, with real sockets.
import CouponAccess
import CouponClient
import CouponCore
import CouponWire
import Foundation
import NIOCore
import TestSupport
import TestWorld
import Testing

/// A daemon with a callers file.
struct CallersWorld {
    let world: World
    let daemon: Daemon
    let file: String
    let metrics: Int

    /// - Parameter arguments: further settings of the daemon.
    init(
        _ lines: [String], _ arguments: [String] = [], ownPostgres: Bool = false
    ) async throws {
        world = try await World(ownPostgres: ownPostgres)
        file = try world.folder.write(lines.joined(separator: "\n") + "\n", to: "callers")
        metrics = Int(try freePort())
        daemon = try await world.daemon(
            ["--callers-file", file, "--metrics-listen", "127.0.0.1:\(metrics)"] + arguments)
    }

    /// Replaces the file, and has the daemon read it.
    func reload(_ lines: [String], as token: String) async throws {
        _ = try world.folder.write(lines.joined(separator: "\n") + "\n", to: "callers")
        let admin = client(token)
        try await admin.reload()
        await admin.close()
    }

    /// A client that sends a caller token.
    func client(_ token: String) -> CouponClient {
        var configuration = ClientConfiguration.patient
        configuration.callerToken = Array(token.utf8)
        return CouponClient(address: daemon.client.address, configuration: configuration)
    }

    /// A connection that has authenticated.
    func socket(_ token: String?) throws -> PlainSocket {
        let socket = try PlainSocket(port: daemon.port)
        guard let token else { return socket }
        try socket.send(Request(id: 1, method: .authenticate(token: Array(token.utf8))))
        guard case .authenticated? = try socket.response()?.result else {
            throw Unexpected(what: "the token is not known")
        }
        return socket
    }

    /// How often callers were refused for this reason.
    func refused(_ reason: String) throws -> Int {
        let page = try httpGet("/metrics", port: metrics)
        let name = "coupond_access_refused_total{reason=\"\(reason)\"} "
        let line = page.split(separator: "\n").first { $0.hasPrefix(name) }
        return try #require(line.flatMap { Int($0.dropFirst(name.count)) })
    }

    /// A line of the file for a token.
    static func line(_ name: String, _ rest: String, _ token: String? = nil) -> String {
        "\(name) \(rest) token=\(TokenDigest(of: Array((token ?? name).utf8)))"
    }
}

@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct CallersTests {
    private static func line(_ name: String, _ rest: String) -> String {
        CallersWorld.line(name, rest)
    }

    @Test func `a wrong token costs the connection, and is counted and logged`() async throws {
        let world = try await CallersWorld([Self.line("shop", "roles=issuer")])
        for token in ["guess", "sho", "shop\n"] {
            let socket = try PlainSocket(port: world.daemon.port)
            let authenticate = Request(id: 7, method: .authenticate(token: Array(token.utf8)))
            try socket.send(authenticate.frame() + Request(id: 8, method: .health).frame())
            let (id, failure) = try socket.failure()
            #expect(id == 7 && failure.code == .unauthenticated)
            #expect(try socket.response() == nil)
        }
        #expect(try world.refused("token") == 3)
        try await world.daemon.process.logs("a caller was refused")
        #expect(!world.daemon.process.logText.contains("guess"))
        let wrong = world.client("guess")
        #expect(try await refusal { try await wrong.health() } == .unauthenticated)
        await wrong.close()
    }

    @Test func `before it authenticates, a caller may send short frames only`() async throws {
        let world = try await CallersWorld([Self.line("shop", "roles=issuer,operator,admin")])
        let long = try Request(
            id: 2, token: [UInt8](repeating: 65, count: 1_020), method: .getCoupon(CouponID(1))
        ).frame()
        let stranger = try world.socket(nil)
        try stranger.send(Request(id: 1, method: .health))
        #expect(try stranger.response()?.id == 1)
        try stranger.send(long)
        let (id, failure) = try stranger.failure()
        #expect(id == 0 && failure.code == .invalidArgument)
        #expect(failure.message.contains("above the limit, 1024"))
        #expect(try stranger.response() == nil)
        // A frame that is too long is refused even if it follows the token in the same bytes.
        let shop = try PlainSocket(port: world.daemon.port)
        let authenticate = Request(id: 1, method: .authenticate(token: Array("shop".utf8)))
        try shop.send(authenticate.frame() + long)
        #expect(try shop.response()?.id == 1)
        #expect(try shop.failure().failure.code == .notFound)
        let page = try httpGet("/metrics", port: world.metrics)
        #expect(page.contains("coupond_limited_total{reason=\"before_authentication\"} 1\n"))
    }

    @Test func `without a callers file no token is known`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        let socket = try PlainSocket(port: daemon.port)
        try socket.send(Request(id: 7, method: .authenticate(token: [1])))
        #expect(try socket.failure().failure.code == .unauthenticated)
        #expect(try socket.response() == nil)
    }

    @Test func `a connection belongs to the principal of its last token`() async throws {
        let world = try await CallersWorld(
            [
                Self.line("shop", "roles=issuer,reader expires=2100-01-01T00:00:00Z"),
                Self.line("anna", "roles=admin"),
            ])
        let socket = try PlainSocket(port: world.daemon.port)
        let status = Request(id: 2, method: .couponStatus(coupon: CouponID(1), user: nil))
        try socket.send(status)
        #expect(try socket.failure().failure.code == .unauthenticated)
        try socket.send(Request(id: 3, method: .authenticate(token: Array("shop".utf8))))
        #expect(
            try socket.response()
                == Response(
                    id: 3,
                    result: .authenticated(
                        Authentication(
                            principal: "shop", roles: ["issuer", "reader"],
                            expiresAt: Timestamp(microseconds: 4_102_444_800_000_000)))))
        try socket.send(status)
        #expect(try socket.failure().failure.code == .notFound)
        try socket.send(Request(id: 4, method: .authenticate(token: Array("anna".utf8))))
        _ = try socket.response()
        try socket.send(status)
        #expect(try socket.failure().failure.code == .permissionDenied)
        try socket.checkAlive()
        #expect(try world.refused("role") == 2)
    }

    @Test func `a principal with ranges touches only its coupons`() async throws {
        let world = try await CallersWorld(
            [Self.line("shop", "roles=issuer,reader,admin coupons=1-2")])
        let shop = world.client("shop")
        for id in [2, 3] as [Int64] {
            let expected: StatusCode? = id == 2 ? nil : .permissionDenied
            #expect(try await refusal { try await shop.create(.offer(id, total: 5)) } == expected)
            let issue = IssueRequest(
                coupon: CouponID(id), user: UserID(1), requestID: .random(), waitFor: .issued)
            #expect(try await refusal { try await shop.issue(issue) } == expected)
            #expect(try await refusal { try await shop.status(of: CouponID(id)) } == expected)
        }
        #expect(try await refusal { try await shop.reload() } == .permissionDenied)
        #expect(try world.refused("coupon") == 4)
        await shop.close()
    }

    @Test func `an expired principal loses its connection, and cannot come back`() async throws {
        let line = { (time: Timestamp) in
            let seconds = Timestamp(microseconds: time.microseconds / 1_000_000 * 1_000_000)
            return Self.line("shop", "roles=issuer,reader expires=\(seconds.rfc3339)")
        }
        let world = try await CallersWorld(
            [line(.now(plus: 3_600)), Self.line("anna", "roles=admin")])
        let socket = try world.socket("shop")
        try await world.reload([line(.now(plus: 2)), Self.line("anna", "roles=admin")], as: "anna")
        let (id, failure) = try socket.failure()
        #expect(id == 0 && failure.code == .unauthenticated && failure.message.contains("expired"))
        #expect(try socket.response() == nil)
        let shop = world.client("shop")
        #expect(try await refusal { try await shop.health() } == .unauthenticated)
        await shop.close()
        #expect(try world.refused("expired") == 2)
    }

    @Test func `a reload gives open connections their new roles, and ends those it revokes`()
        async throws
    {
        let anna = Self.line("anna", "roles=admin")
        let (shop, kiosk) = (Self.line("shop", "roles=issuer"), Self.line("kiosk", "roles=issuer"))
        let world = try await CallersWorld([shop, kiosk, anna])
        let sockets = try ["shop", "kiosk"].map { try world.socket($0) }
        let nobody = try world.socket(nil)
        let status = Request(id: 2, method: .couponStatus(coupon: CouponID(1), user: nil))
        for socket in sockets {
            try socket.send(status)
            #expect(try socket.failure().failure.code == .permissionDenied)
        }
        try await world.reload(
            [Self.line("shop", "roles=issuer,reader"), anna, "anonymous roles=reader"], as: "anna")
        let (id, failure) = try sockets[1].failure()
        #expect(id == 0 && failure.code == .unauthenticated)
        #expect(try sockets[1].response() == nil)
        for socket in [sockets[0], nobody] {
            try socket.send(status)
            #expect(try socket.failure().failure.code == .notFound)
        }
        #expect(try world.refused("revoked") == 1)
    }

    @Test(arguments: [nil, "anna roles=boss", "anna roles=admin uid=1\nanna roles=admin uid=2"])
    func `a callers file with a mistake changes nothing at a reload`(_ text: String?) async throws {
        let world = try await CallersWorld(
            [Self.line("shop", "roles=reader"), Self.line("anna", "roles=admin")])
        let socket = try world.socket("shop")
        if let text {
            _ = try world.world.folder.write(text, to: "callers")
        } else {
            try FileManager.default.removeItem(atPath: world.file)
        }
        let anna = world.client("anna")
        #expect(try await refusal { try await anna.reload() } == .failedPrecondition)
        try socket.send(Request(id: 2, method: .couponStatus(coupon: CouponID(1), user: nil)))
        #expect(try socket.failure().failure.code == .notFound)
        _ = try world.socket("shop")
        #expect(
            try httpGet("/metrics", port: world.metrics).contains(
                "\ncoupond_reload_failures_total 1\n"))
        try await world.daemon.process.logs("the reload failed", "the old callers stay")
        await anna.close()
    }

    @Test func `a daemon does not start with a mistake in its callers file`() async throws {
        let world = try await World()
        let file = try world.folder.write("# people\nanna roles=boss uid=1\nbert\n", to: "callers")
        let coupond = builtExecutable("coupond")
        let check = try await CommandRun(coupond, ["--check-config", "--callers-file", file])
        #expect(check.end == .code(78))
        #expect(
            check.text.contains("\(file):2: roles must be") && check.text.contains("\(file):3: "))
        let daemon = try Daemon(world, ["--callers-file", file])
        #expect(try await daemon.process.waitForEnd() == .code(78))
        let good = try world.folder.write("anna roles=admin uid=1\n", to: "callers")
        #expect(
            try await CommandRun(coupond, ["--check-config", "--callers-file", good]).end
                == .code(0))
        try FileManager.default.setAttributes([.posixPermissions: 0o664], ofItemAtPath: good)
        let open = try await CommandRun(coupond, ["--check-config", "--callers-file", good])
        #expect(open.end == .code(78) && open.text.contains("can be written by users other"))
    }

    @Test func `callers on this machine are not admins if the settings say so`() async throws {
        let world = try await World()
        let daemon = try await world.daemon(["--admin-from-loopback", "false"])
        let code = try await refusal { try await daemon.client.create(.offer(1, total: 1)) }
        #expect(code == .permissionDenied)
        #expect(try await daemon.ask(CouponID(1), 1) == .notFound)
    }

    @Test func `a wrong admin token costs the connection`() async throws {
        let world = try await World()
        let file = try world.folder.write("open sesame, please\n", to: "token")
        let daemon = try await world.daemon(["--admin-token-file", file])
        let socket = try PlainSocket(port: daemon.port)
        try socket.send(Request(id: 1, method: .reload))
        #expect(try socket.failure().failure.code == .unauthenticated)
        try socket.checkAlive()
        try socket.send(Request(id: 2, token: [1], method: .reload))
        #expect(try socket.failure().failure.code == .permissionDenied)
        #expect(try socket.response() == nil)
    }
}
