import CouponClient
import CouponCore
import CouponWire
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(1))) struct ConnectionLimitTests {
    @Test func `one connection too many is refused until another one closes`() async throws {
        let world = try await World()
        let daemon = try await world.daemon(["--max-connections", "4"])
        // The world's own client holds one.
        var clients = try (1...3).map { _ in try PlainSocket(port: daemon.port) }
        for client in clients { try client.checkAlive() }
        let late = try PlainSocket(port: daemon.port)
        let (id, failure) = try late.failure()
        #expect(id == 0)
        #expect(failure == .exhausted("too many connections"))
        #expect(try late.read(1) == nil)
        for client in clients { try client.checkAlive() }
        clients.removeLast()
        try await eventually("there is room again") {
            let next = try PlainSocket(port: daemon.port)
            try next.send(Request(id: 1, method: .health))
            return try next.response()?.id == 1
        }
    }
}
