/// What a reload changes, and what it leaves to a restart.
import CouponClient
import CouponCore
import CouponWire
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct ReloadTests {
    @Test func `a reload applies all settings of a file or none, and names those for a restart`()
        async throws
    {
        let world = try await World()
        func write(_ text: String) throws -> String { try world.folder.write(text, to: "c.conf") }
        let file = try write("user-rate = off\nmax-batch = 5000\n")
        let runtime = ["RUNTIME_DIRECTORY": try world.folder.makeFolder("run")]
        let daemon = try Daemon(world, ["--config", file], environment: runtime)
        try await daemon.ready()
        _ = try await daemon.client.create(.offer(1, total: 1_000))
        func reload() async throws -> CommandRun {
            try await CommandRun(
                builtExecutable("coupond"), ["reload", "\(daemon.process.pid)"],
                environment: runtime)
        }
        /// Whether one user may ask only so often.
        func isLimited() async throws -> Bool {
            for _ in 1...200 {
                let code = try await refusal {
                    try await daemon.client.issue(
                        IssueRequest(coupon: CouponID(1), user: UserID(1), waitFor: .accepted))
                }
                if code != nil { return true }
            }
            return false
        }
        #expect(try await !isLimited())

        _ = try write("user-rate = 1\nmax-batch = 7\n")
        let changed = try await reload()
        #expect(changed.end == .code(0))
        #expect(
            changed.text == "reloaded; changed user-rate; a restart is needed for max-batch")
        #expect(try await isLimited())
        try await daemon.process.logs("settings have changed that need a restart")

        _ = try write("user-rate = off\nmax-batch = many\n")
        let refused = try await reload()
        #expect(refused.end == .code(1))
        #expect(
            refused.text.contains(
                "\(file):2: max-batch is \"many\", and must be a whole number from 1 to 50000; "
                    + "nothing has changed"), "\(refused.text)")
        #expect(try await isLimited())

        _ = try write("user-rate = off\nmax-batch = 5000\n")
        #expect(try await reload().text == "reloaded; changed user-rate")
        #expect(try await !isLimited())
        #expect(try await reload().text == "reloaded")
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a reload by systemd does not wait for admin methods that wait for PostgreSQL`()
        async throws
    {
        let (world, metrics) = (try await World(), Int(try freePort()))
        let runtime = ["RUNTIME_DIRECTORY": try world.folder.makeFolder("run")]
        let daemon = try Daemon(
            world, ["--metrics-listen", "127.0.0.1:\(metrics)"], environment: runtime)
        try await daemon.ready()
        let coupon = try await daemon.client.create(.offer(1, total: 1)).id
        let lock = try await world.hold("LOCK TABLE coupond.coupon")
        // Each waits for a second.
        let callers = try (1...30).map { _ in
            let caller = try PlainSocket(port: daemon.port)
            try caller.send(
                Request(id: 1, deadlineMilliseconds: 60_000, method: .getCoupon(coupon)))
            return caller
        }
        try await eventually("they wait for the one in progress") {
            try httpGet("/metrics", port: metrics)
                .contains(/\ncoupond_slow_waiting{lane="admin"} [1-9]/)
        }
        let reload = try await CommandRun(
            builtExecutable("coupond"), ["reload", "\(daemon.process.pid)"],
            environment: runtime)
        #expect(reload.end == .code(0) && reload.text == "reloaded", "\(reload.text)")
        #expect(callers.contains { !$0.isReadable(within: 0) }, "they still wait")
        try await lock.release()
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `limits change at once, and the metric counts what needs a restart`()
        async throws
    {
        let (world, metrics) = (try await World(), Int(try freePort()))
        func write(_ backlog: Int, _ connections: Int, _ rest: String = "") throws -> String {
            try world.folder.write(
                """
                backlog-per-coupon = \(backlog)
                backlog-per-partition = \(backlog)
                max-connections = \(connections)
                \(rest)
                """, to: "c.conf")
        }
        let daemon = try await world.daemon([
            "--config", try write(2, 100), "--metrics-listen", "127.0.0.1:\(metrics)",
        ])
        let client = daemon.client
        _ = try await client.create(.offer(1, total: 100))
        let lock = try await world.lock(CouponID(1))
        func ask(_ user: Int64) async throws -> StatusCode? {
            try await refusal {
                try await client.issue(IssueRequest(coupon: CouponID(1), user: UserID(user)))
            }
        }
        #expect(try await ask(1) == nil)
        #expect(try await ask(2) == nil)
        #expect(try await ask(3) == .resourceExhausted)
        _ = try write(3, 1, "max-frame-bytes = 4096")
        let report = try await client.reload()
        #expect(
            report.changed.sorted() == [
                "backlog-per-coupon", "backlog-per-partition", "max-connections",
            ])
        #expect(report.needsRestart == ["max-frame-bytes"])
        try await eventually("the gate has the new backlog") { try await ask(3) == nil }
        #expect(try await ask(4) == .resourceExhausted)
        // The client that asks has the only place.
        let refused = try PlainSocket(port: daemon.port).failure()
        #expect(refused.failure.message == "too many connections")
        #expect(
            try httpGet("/metrics", port: metrics).contains("\ncoupond_settings_need_restart 1.0\n")
        )
        _ = try write(3, 2)
        #expect(try await client.reload().needsRestart == [])
        try PlainSocket(port: daemon.port).checkAlive()
        #expect(
            try httpGet("/metrics", port: metrics).contains("\ncoupond_settings_need_restart 0.0\n")
        )
        try await lock.release()
        #expect(try await daemon.stop() == .code(0))
    }
}
