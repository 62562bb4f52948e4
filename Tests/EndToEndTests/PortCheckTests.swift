/// Checks that only connect and close, as load balancers and monitors make all the time: nobody was refused.
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct PortCheckTests {
    @Test func `checks of every kind of port leave no refusal and no line`() async throws {
        let world = try await World()
        let (port, admin, metrics) = (try freePort(), try freePort(), Int(try freePort()))
        let path = world.folder.file("callers.sock")
        let daemon = try Daemon(
            world,
            [
                "--listen", "127.0.0.1:\(port)", "--listen", "unix:\(path)",
                "--admin-listen", "127.0.0.1:\(admin)", "--metrics-listen",
                "127.0.0.1:\(metrics)",
            ])
        let ports: [() throws -> PlainSocket] = [
            { try PlainSocket(port: Int(port)) }, { try PlainSocket(port: Int(admin)) },
            { try PlainSocket(path: path) }, { try PlainSocket(port: metrics) },
        ]
        try await expectSilence(daemon, metrics, at: ports)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `checks of a port with TLS leave no line above debug`() async throws {
        let world = try await World()
        let certificates = try await Certificates(in: world.folder)
        let metrics = Int(try freePort())
        let daemon = try Daemon(
            world,
            try await certificates.make("server").flags + [
                "--metrics-listen", "127.0.0.1:\(metrics)",
            ])
        try await expectSilence(daemon, metrics, at: [{ try PlainSocket(port: daemon.port) }])
        let failures = "\ncoupond_tls_handshake_failures_total"
        try await eventually("they are counted as closed") {
            try httpGet("/metrics", port: metrics).contains("\(failures){cause=\"closed\"} 10\n")
        }
        #expect(
            try httpGet("/metrics", port: metrics).contains("\(failures){cause=\"protocol\"} 0\n"))
        // Bytes that are not TLS still get their line in the log.
        let plain = try PlainSocket(port: daemon.port)
        try plain.send(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        try await eventually("it is logged") {
            Self.loudLines(daemon).contains { $0.contains("a TLS handshake failed") }
        }
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `checks from a proxy's address are not refusals`() async throws {
        let world = try await World()
        let metrics = Int(try freePort())
        let daemon = try Daemon(
            world, ["--proxies", "127.0.0.0/8", "--metrics-listen", "127.0.0.1:\(metrics)"])
        try await expectSilence(daemon, metrics, at: [{ try PlainSocket(port: daemon.port) }])
        #expect(try await daemon.stop() == .code(0))
    }

    /// Checks each port ten times: half of the checks end with a reset.
    private func expectSilence(
        _ daemon: Daemon, _ metrics: Int, at ports: [() throws -> PlainSocket]
    ) async throws {
        try await eventually("every gate is open") {
            try httpGet("/metrics", port: metrics).contains("\ncoupond_partitions_open 16\n")
        }
        let lines = Self.loudLines(daemon)
        for connect in ports {
            for _ in 1...5 {
                let socket = try connect()
                socket.finishSending()
                while try socket.read(1) != nil {}
                try connect().breakOff()
            }
        }
        try await eventually("all are gone") {
            try httpGet("/metrics", port: metrics).contains("\ncoupond_connections 0\n")
        }
        #expect(Self.loudLines(daemon) == lines)
        let page = try httpGet("/metrics", port: metrics)
        let refusals = page.split(separator: "\n").filter {
            $0.hasPrefix("coupond_") && $0.contains(/_(refused|limited|missing)_total/)
        }
        #expect(refusals.count > 20)
        #expect(refusals.filter { !$0.hasSuffix(" 0") } == [])
    }

    /// Lines of the log from `notice` on. On a busy machine some are about the servers.
    private static func loudLines(_ daemon: Daemon) -> [Substring] {
        let quiet = [#""level":"debug""#, #""level":"info""#, "Redis", "PostgreSQL"]
        return daemon.process.logText.split(separator: "\n").filter { line in
            !quiet.contains { line.contains($0) }
        }
    }
}
