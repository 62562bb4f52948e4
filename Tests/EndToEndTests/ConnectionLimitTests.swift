import CouponClient
import CouponCore
import CouponWire
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct ConnectionLimitTests {
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
        try await expectRefusal(of: ["coupon", "list"], daemon.port)
        try await expectRefusal(of: ["issue", "--coupon", "1", "--user", "1"], daemon.port)
        let python = try await pythonClient(
            ["--attempts", "2", "issue", "--coupon", "1", "--user", "1"],
            at: "127.0.0.1:\(daemon.port)")
        #expect(python.end == .code(5), "\(python.text)")
        #expect(python["acceptance"] == "NOT_ACCEPTED" && python["retry_after_ms"] == 250)
        clients.removeLast()
        try await eventually("there is room again") {
            let next = try PlainSocket(port: daemon.port)
            try next.send(Request(id: 1, method: .health))
            return try next.response()?.id == 1
        }
    }

    /// One connection too many is refused before the daemon reads anything: certainly not accepted.
    private func expectRefusal(of command: [String], _ port: Int) async throws {
        let run = try await CommandRun(
            builtExecutable("couponctl"), command + ["--json", "--address", "127.0.0.1:\(port)"])
        #expect(run.end == .code(69), "\(run.text)")
        #expect(run.text.contains(#""acceptance":"NOT_ACCEPTED","retry_after_ms":250"#))
    }
}
