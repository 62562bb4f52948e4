import CouponCore
import Foundation
import TestSupport
import TestWorld
import Testing

extension FaultTests {
    /// Several daemons on one Redis and one PostgreSQL: the daemons that live own the partitions in equal
    /// shares, and partitions move during a sale when a daemon dies, stalls or drains.
    @Suite(.machine(.killing), .serialized) struct SharingTests {
        @Test func `partitions move when a daemon dies, stalls or drains`() async throws {
            let world = try await World()
            let survivor = try await world.daemon()
            let killed = try await world.daemon()
            let sleeper = try await world.daemon()
            try await eventually("the shares are even") {
                try world.ownedPartitions() == ["5", "5", "6"]
            }
            var traffics: [Traffic] = []
            for coupon in [3, 8, 13] as [Int64] {
                traffics.append(
                    try await Traffic(world, through: survivor, coupon: coupon, total: 380))
            }
            let sales = Sales(world: world, traffics: traffics)
            sales.add(killed)
            sales.add(sleeper)

            try await sales.goOn(whenOneIs: "killed", to: ["8", "8"]) {
                try await killed.kill()
                sales.remove(killed)
            }
            try await sales.goOn(whenOneIs: "stopped by SIGSTOP", to: ["16"]) {
                sleeper.process.signal(SIGSTOP)
                sales.remove(sleeper)
            }
            let drained = try await world.daemon()
            sales.add(drained)
            try await eventually("a new daemon takes its share") {
                try world.ownedPartitions() == ["8", "8"]
            }
            try await sales.goOn(whenOneIs: "drained", to: ["16"]) {
                drained.process.signal(SIGTERM)
            }
            #expect(try await drained.process.waitForEnd() == .code(0))
            sales.remove(drained)

            sleeper.process.signal(SIGCONT)
            for traffic in traffics {
                await traffic.run()
                try await traffic.expectBalance(through: survivor)
            }
            try await sleeper.ready()
            for traffic in traffics { try await traffic.expectBalance(through: sleeper) }
            for daemon in [sleeper, survivor] { #expect(try await daemon.stop() == .code(0)) }
        }
    }
}

/// Sales of several coupons at once, in as many partitions.
private struct Sales {
    let world: World
    let traffics: [Traffic]

    func add(_ daemon: Daemon) { for traffic in traffics { traffic.add(daemon) } }
    func remove(_ daemon: Daemon) { for traffic in traffics { traffic.remove(daemon) } }

    /// Runs `cause` while some of the users ask, and waits until the daemons own `owned` partitions. Prints
    /// how long that took: the goals are 3 s, and 1 s after a drain. The test waits longer, for a busy
    /// machine.
    func goOn(
        whenOneIs what: String, to owned: [String], _ cause: () async throws -> Void
    ) async throws {
        let soon = traffics.map { $0.accepted + 20 }
        async let asking: Void = withTaskGroup { group in
            for traffic in traffics { group.addTask { await traffic.run(first: 120, callers: 8) } }
        }
        for (traffic, soon) in zip(traffics, soon) { try await traffic.reach(accepted: soon) }
        let started = ContinuousClock.now
        try await cause()
        try await eventually("the partitions of a daemon that was \(what) move") {
            try world.ownedPartitions() == owned
        }
        print("the partitions of a daemon that was \(what) moved in \(.now - started)")
        await asking
    }
}
