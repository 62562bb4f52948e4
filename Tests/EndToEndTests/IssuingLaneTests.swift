/// A partition that would hold up the others issues in a lane of its own.
import CouponClient
import CouponCore
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct IssuingLaneTests {
    @Test func `a slow partition goes to another lane, and back when it is not slow`()
        async throws
    {
        let world = try await World()
        let port = Int(try freePort())
        let daemon = try await world.daemon([
            "--metrics-listen", "127.0.0.1:\(port)", "--issuing-lanes", "3",
        ])
        // Two coupons in a row are in two partitions.
        let (slow, other) = (
            try await daemon.offer(total: nil), try await daemon.offer(total: nil)
        )
        func expect(lent: Int, whileUsersFrom first: Int64) async throws {
            var user = first
            try await eventually("\(lent) partitions are lent", within: .seconds(60)) {
                user += 1
                guard try await daemon.win(other, user) > 0 else { return false }
                let metrics = try httpGet("/metrics", port: port)
                return metrics.contains("\ncoupond_partitions_lent \(lent)\n")
                    && metrics.contains("\ncoupond_partitions_owned 16\n")
            }
        }
        // Each transaction waits for the lock until its lock timeout.
        let lock = try await world.lock(slow)
        let accepted = try await daemon.ask(slow, 1)
        guard case .accepted = accepted else { throw Unexpected(what: "\(accepted)") }
        try await expect(lent: 1, whileUsersFrom: 1_000)
        try await lock.release()
        try await eventually("the request is issued") { try await daemon.holds(slow, 1) }
        try await expect(lent: 0, whileUsersFrom: 100_000)
        #expect(try await daemon.win(slow, 2) == 2)
        #expect(try await daemon.stop() == .code(0))
        #expect(try world.issued > 2)
    }

    @Test func `a daemon with one lane and one with several share the partitions`() async throws {
        let world = try await World()
        let ports = [Int(try freePort()), Int(try freePort())]
        var daemons: [Daemon] = []
        for (port, lanes) in zip(ports, [1, 4]) {
            daemons.append(
                try await world.daemon([
                    "--metrics-listen", "127.0.0.1:\(port)", "--issuing-lanes", "\(lanes)",
                ]))
        }
        try await eventually("each owns half") {
            try ports.allSatisfy { port in
                try httpGet("/metrics", port: port).contains("\ncoupond_partitions_owned 8\n")
            }
        }
        for daemon in daemons {
            let coupon = try await daemon.offer(total: 1)
            #expect(try await daemon.win(coupon, 1) == 1)
        }
        for daemon in daemons { #expect(try await daemon.stop() == .code(0)) }
    }
}
