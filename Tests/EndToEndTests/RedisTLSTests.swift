/// Daemons whose Redis speaks TLS only, and asks for their certificate.
import CouponClient
import CouponCore
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct RedisTLSTests {
    @Test func `a whole sale passes through TLS, with a restart of Redis in the middle`()
        async throws
    {
        let world = try await World(certificates: try await BackendCertificates())
        let daemons = [try await world.daemon(), try await world.daemon()]
        let coupon = try await daemons[0].offer(total: 40)
        for user in 1...20 { try await daemons[user % 2].win(coupon, Int64(user)) }
        try await world.redis.kill()
        try await world.redis.restart()
        for daemon in daemons { try await daemon.ready() }
        for user in 21...40 { try await daemons[user % 2].winSoon(coupon, Int64(user)) }
        #expect(try await daemons[1].ask(coupon, 41) == .soldOut)
        let audit = try await daemons[0].client.audit(coupon)
        #expect(audit.judge.checks.filter { !$0.holds } == [])
        #expect(
            try world.sql("SELECT count(*), max(sequence) FROM coupond.coupon_issue") == "40|40")
        for daemon in daemons { #expect(try await daemon.stop() == .code(0)) }
    }

    @Test func `the documented settings work`() async throws {
        let certificates = try await BackendCertificates()
        let world = try await World(certificates: certificates)
        let daemon = try await world.daemon(
            try Recipe("redis-tls").flags([
                ("redis.example:6379", "localhost:\(world.redis.port)"),
                ("/etc/coupond/redis-ca.pem", certificates.authority),
                ("/etc/coupond/redis-client.pem", certificates.client.certificate),
                ("/etc/coupond/redis-client.key", certificates.client.key),
            ]))
        let coupon = try await daemon.offer(total: 1)
        #expect(try await daemon.win(coupon, 1) == 1)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `an acceptance waits for a replica through TLS`() async throws {
        let world = try await World(certificates: try await BackendCertificates())
        let replica = try await RedisServer(replicaOf: world.redis)
        let daemon = try await world.daemon([
            "--redis-wait-replicas", "1", "--redis-wait-timeout", "10s",
        ])
        let coupon = try await daemon.offer(total: 1)
        #expect(try await daemon.win(coupon, 1) == 1)
        #expect(try await daemon.stop() == .code(0))
        _ = replica
    }

    @Test func `a certificate that expires is named in log and readiness until it is replaced`()
        async throws
    {
        let certificates = try await BackendCertificates()
        let world = try await World(certificates: certificates)
        let port = Int(try freePort())
        let daemon = try await world.daemon(["--metrics-listen", "127.0.0.1:\(port)"])
        try await world.redis.present(certificates.expired)
        try await world.redis.cli("CLIENT", "KILL", "TYPE", "normal")
        let text = "the certificate of Redis has expired"
        try await eventually("readiness names it") {
            let page = try httpGet("/readyz", port: port)
            return page.hasPrefix("HTTP/1.1 503") && page.contains(text)
        }
        try await daemon.process.logs(text)
        try await world.redis.present(certificates.server)
        try await eventually("it is ready again") {
            try httpGet("/readyz", port: port).hasSuffix("\r\n\r\nready\n")
        }
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a start with the wrong authority or name waits, and the log says why`()
        async throws
    {
        let certificates = try await BackendCertificates()
        let world = try await World(certificates: certificates)
        for (arguments, text) in [
            (["--redis-tls-ca", certificates.stranger], "no authority of redis-tls-ca has signed"),
            (["--redis-tls-server-name", "redis.example"], "made for another name"),
            (
                [
                    "--redis-tls-certificate", certificates.foreignClient.certificate,
                    "--redis-tls-key", certificates.foreignClient.key,
                ], "Redis refuses the TLS connection"
            ),
        ] {
            let daemon = try Daemon(world, arguments)
            try await daemon.process.logs(text)
            #expect(try await daemon.stop() == .code(0))
        }
    }

    @Test func `a reload reads the password and the client certificate again`() async throws {
        let certificates = try await BackendCertificates()
        let world = try await World(certificates: certificates)
        let password = try world.folder.write("PASSWORD\n", to: "rotated")
        let daemon = try await world.daemon(["--redis-password-file", password])
        try await world.redis.cli("ACL", "SETUSER", "coupond", ">second")
        _ = try world.folder.write("second\n", to: "rotated")
        try await daemon.client.reload()
        try await world.redis.cli("ACL", "SETUSER", "coupond", "<PASSWORD")
        try await world.redis.cli("CLIENT", "KILL", "TYPE", "normal")
        try await daemon.ready()
        let coupon = try await daemon.offer(total: 1)
        try await daemon.winSoon(coupon, 1)
        #expect(!daemon.process.logText.contains("WRONGPASS"))
        _ = try world.folder.write("", to: "rotated")
        await #expect(throws: ClientError.self) { try await daemon.client.reload() }
        try await daemon.process.logs("redis-password-file")
        #expect(try await daemon.stop() == .code(0))
    }
}
