/// Faults of a Redis with sentinels: its master is away or replaced.
internal import HistoryChecker
internal import TestSupport
internal import TestWorld

extension Stage {
    /// Causes the fault at the master, waits, and undoes it.
    func cause(_ fault: SentinelFault, for lasts: Duration) async throws {
        guard let sentinels = world.sentinels else { return }
        let from = traffic.recorder.now
        guard let master = try await sentinels.master() else {
            throw Unexpected(what: "the sentinels name no master")
        }
        switch fault {
        case .masterKilled:
            try await master.kill()
            try await Task.sleep(for: lasts)
            try await master.restart()
        case .masterStopped:
            master.freeze()
            defer { master.thaw() }
            try await Task.sleep(for: lasts)
        case .masterIsolated: try await isolate(master, for: lasts)
        case .failover:
            try await eventually("a sentinel begins a failover") {
                try await sentinels.cli(0, "SENTINEL", "FAILOVER", sentinels.name) == "OK"
            }
            try await Task.sleep(for: lasts)
        }
        try await sentinels.waitUntilWhole(within: .seconds(60))
        guard try await sentinels.master() !== master else { return }
        // The promoted replica may lack acceptances, and answered ones too if answers did not wait for it. A
        // failover by order does not wait for it either.
        let loss = Loss(
            of: .redis, at: Interval(from: from, to: traffic.recorder.now),
            includesAnswered: !waits)
        traffic.recorder.record { $0.losses.append(loss) }
    }

    /// Sentinels and replicas come as the user `default`, and the daemons as their own.
    private func isolate(_ master: RedisServer, for lasts: Duration) async throws {
        let name = "outside"
        try await master.cli("ACL", "SETUSER", name, "on", "nopass", "~*", "&*", "+@all")
        func command(_ words: String...) async throws {
            try await master.cli(["--user", name, "--pass", "any", "--no-auth-warning"] + words)
        }
        try await command("ACL", "SETUSER", "default", "off")
        var failure: (any Error)?
        do {
            for kind in ["normal", "pubsub"] {
                try await command("CLIENT", "KILL", "TYPE", kind, "USER", "default")
            }
            try await Task.sleep(for: lasts)
        } catch {
            failure = error
        }
        try await command("ACL", "SETUSER", "default", "on")
        try await master.cli("ACL", "DELUSER", name)
        if let failure { throw failure }
    }
}
