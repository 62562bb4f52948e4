/// Daemons that die or stand still, and the network around them.
internal import CouponCore
internal import Foundation
internal import TestSupport
internal import TestWorld

extension Stage {
    func killDaemon(_ seat: Seat, for lasts: Duration) async throws {
        try await disturbing(seat) {
            try await seat.kill()
            try await Task.sleep(for: lasts)
            try seat.start()
            try await seat.daemon?.ready()
        }
    }

    /// Puts a daemon there that kills itself; where it finds nothing to do in time, it is killed.
    func doom(_ seat: Seat, at failpoint: Failpoint, within lasts: Duration) async throws {
        try await disturbing(seat) {
            try await seat.kill()
            try seat.start(failpoint: failpoint)
            _ = try? await seat.daemon?.process.waitForEnd(within: lasts + .seconds(1))
            try await seat.kill()
            try seat.start()
            try await seat.daemon?.ready()
        }
    }

    func stopDaemon(_ seat: Seat, for lasts: Duration) async throws {
        try await disturbing(seat) {
            seat.daemon?.process.signal(SIGSTOP)
            defer { seat.daemon?.process.signal(SIGCONT) }
            try await Task.sleep(for: lasts)
        }
    }

    /// A network that misbehaves between this daemon and somebody.
    func blow(
        _ kind: Weather.Kind, on link: Link, of seat: Seat, for lasts: Duration
    ) async throws {
        guard let proxy = seat.proxy(link) else { return }
        guard link == .client else { return try await blow(kind, proxy, for: lasts) }
        // The way to the caller is disturbed, and with it the caller's deadline. That a connection is dead
        // a client notices after five seconds, when the next deadline passes.
        try await disturbing(seat, afterwards: kind == .orphaned ? 8_000 : 1_000) {
            try await blow(kind, proxy, for: lasts)
        }
    }

    private func blow(_ kind: Weather.Kind, _ proxy: Proxy, for lasts: Duration) async throws {
        proxy.weather = Weather(kind: kind, delay: kind == .slow ? 120 : 0)
        defer { proxy.weather = .clear }
        guard kind == .cut else { return try await Task.sleep(for: lasts) }
        try await again(for: lasts) { proxy.cut() }
    }
}
