/// Faults of daemons, and of the network around them.
internal import CouponCore
internal import Foundation
internal import TestSupport
internal import TestWorld

extension Stage {
    func killDaemon(_ host: DaemonHost, for lasts: Duration) async throws {
        try await disturbing(host) {
            try await host.kill()
            try await Task.sleep(for: lasts)
            try host.start()
            try await host.daemon?.ready()
        }
    }

    /// Runs a daemon that kills itself at a failpoint; kills it if it does not reach the failpoint in time.
    func runUntilFailpoint(_ host: DaemonHost, at failpoint: Failpoint, within lasts: Duration)
        async throws
    {
        try await disturbing(host) {
            try await host.kill()
            try host.start(failpoint: failpoint)
            _ = try? await host.daemon?.process.waitForEnd(within: lasts + .seconds(1))
            try await host.kill()
            try host.start()
            try await host.daemon?.ready()
        }
    }

    func stopDaemon(_ host: DaemonHost, for lasts: Duration) async throws {
        try await disturbing(host) {
            host.daemon?.process.signal(SIGSTOP)
            defer { host.daemon?.process.signal(SIGCONT) }
            try await Task.sleep(for: lasts)
        }
    }

    /// Makes the network on one side of this daemon misbehave.
    func disturbNetwork(
        _ kind: NetworkCondition.Kind, on link: Link, of host: DaemonHost, for lasts: Duration
    ) async throws {
        guard let proxy = host.proxy(link) else { return }
        guard link == .client else { return try await disturbNetwork(kind, proxy, for: lasts) }
        // Callers cannot be answered in time. A client notices a dead connection after five seconds, when
        // the next deadline passes.
        try await disturbing(host, afterwards: kind == .halfOpen ? 8_000 : 1_000) {
            try await disturbNetwork(kind, proxy, for: lasts)
        }
    }

    func disturbNetwork(_ kind: NetworkCondition.Kind, _ proxy: Proxy, for lasts: Duration)
        async throws
    {
        proxy.condition = NetworkCondition(kind: kind, delay: kind == .slow ? 120 : 0)
        defer { proxy.condition = .healthy }
        guard kind == .cut else { return try await Task.sleep(for: lasts) }
        try await repeatedly(for: lasts) { proxy.cut() }
    }
}
