import CouponWire
import NIOCore
import Synchronization
import TestSupport
import TestWorld
import Testing

@testable import CouponClient

/// Daemons that a client knows by name.
@Suite(.timeLimit(.minutes(10))) struct NamedDaemonTests {
    /// What the resolver answers.
    private final class Name: Sendable {
        let addresses = Mutex<[SocketAddress]>([])

        func points(to daemons: CannedDaemon...) throws {
            let found = try daemons.map {
                try SocketAddress(ipAddress: $0.address.host, port: $0.address.port)
            }
            addresses.withLock { $0 = found }
        }
    }

    private let seen = SeenRequests()

    @Test func `a name is looked up`() async throws {
        let daemon = try await CannedDaemon.start { _ in .accepted }
        let client = CouponClient(
            address: ServerAddress(host: "localhost", port: daemon.address.port))
        #expect(try await client.issue(1, to: 2) == .accepted(sequence: 1))
        await client.close()
        try await daemon.stop()
    }

    @Test func `all daemons of a name are called, even one that replaces another`() async throws {
        let name = Name()
        let isGone = Atomic(false)
        let first = try await CannedDaemon.start { [seen] request in
            seen.append(1, request)
            return .accepted
        }
        let second = try await CannedDaemon.start { [seen] request in
            seen.append(2, request)
            return isGone.load(ordering: .relaxed) ? .hangUp : .accepted
        }
        let third = try await CannedDaemon.start { [seen] request in
            seen.append(3, request)
            return .accepted
        }
        try name.points(to: first, second)
        let client = CouponClient(
            addresses: [ServerAddress(host: "coupond.test", port: 7070)],
            lookUp: { _ in name.addresses.withLock(\.self) })
        func isCalled(_ daemon: Int) async throws -> Bool {
            #expect(try await client.issue(1, to: 2) == .accepted(sequence: 1))
            return seen.count(daemon) > 0
        }
        try await eventually("both are called") {
            let (one, other) = (try await isCalled(1), try await isCalled(2))
            return one && other
        }
        try name.points(to: first, third)
        isGone.store(true, ordering: .relaxed)
        try await second.stop()
        // The first one serves all the time.
        try await eventually("the new one is called") { try await isCalled(3) }
        await client.close()
        try await first.stop()
        try await third.stop()
    }
}
