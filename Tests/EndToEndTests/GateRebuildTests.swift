import CouponClient
import CouponCore
import CouponWire
import NIOCore
import TestSupport
import TestWorld
import Testing

/// An operator asks for a rebuild of a gate.
@Suite(.machine(.overloading), .timeLimit(.minutes(2))) struct GateRebuildTests {
    /// In partition 3 of 16.
    private let coupon = CouponID(3)

    @Test func `a requested rebuild loses no accepted request`() async throws {
        let world = try await World()
        let daemons = [try await world.daemon(), try await world.daemon()]
        _ = try await daemons[0].client.create(.offer(3, total: 50))
        var before: Epoch = try await daemons[0].client.audit(coupon).place.epoch
        let lock = try await world.lock(coupon)
        for user in 1...20 { _ = try await daemons[0].ask(coupon, Int64(user)) }
        // One of the daemons is not the owner.
        for daemon in daemons {
            let epoch = try await daemon.client.rebuildGate(PartitionID(3), deadline: .seconds(20))
            #expect(epoch > before)
            before = epoch
        }
        try await lock.release()
        try await eventually("all are issued") { try world.issued == 20 }
        for user in 21...50 { try await daemons[1].winSoon(coupon, Int64(user)) }
        try await world.expectBalance(of: coupon, through: daemons[0])
    }

    /// The holders of earlier epochs are removed before new ones are written, so there is never much more
    /// than one copy.
    @Test func `in a full Redis a rebuild gives other partitions their room back`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        _ = try await daemon.client.create(.offer(3, total: 30_000))
        _ = try await daemon.client.create(.offer(4, total: 100))
        try world.sql(
            """
            INSERT INTO coupond.coupon_issue
                SELECT 3, n, n, now(), now(), '\\x01' FROM generate_series(1, 15000) AS n;
            UPDATE coupond.coupon SET issued = 15000, last_sequence = 15000 WHERE id = 3
            """)
        // Queued requests make the rebuild write the holders again.
        let lock = try await world.lock(coupon)
        for user in 15_001...15_020 as ClosedRange<Int64> { _ = try await daemon.ask(coupon, user) }
        #expect(try await daemon.win(CouponID(4), 1) == 1)
        func used() async throws -> Int {
            let info = try await world.redis.cli("INFO", "memory")
            let text = info.firstMatch(of: /used_memory:(\d+)/).map { String($0.1) }
            return Int(text ?? "") ?? 0
        }
        let limit = try await used() + 300_000
        try await world.redis.cli("CONFIG", "SET", "maxmemory", "\(limit)")
        try await world.redis.cli("REPLICAOF", "127.0.0.1", "1")
        try await world.redis.cli("REPLICAOF", "NO", "ONE")
        try await eventually("the gate is rebuilt") {
            try await daemon.client.audit(coupon).place.epoch > 1
        }
        try await daemon.winSoon(CouponID(4), 2)
        #expect(try await used() < limit, "there is one copy of the holders")
        try await lock.release()
        try await eventually("all are issued") {
            try world.sql("SELECT issued FROM coupond.coupon WHERE id = 3") == "15020"
        }
        try await world.expectBalance(of: coupon, through: daemon)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `an unknown partition is refused, and the error names the valid ones`() async throws
    {
        let world = try await World()
        let daemon = try await world.daemon()
        let failure = Failure(
            .invalidArgument, "rebuild_gate.partition: must be 0 to 15, got 16")
        await #expect(throws: ClientError.refused(failure)) {
            try await daemon.client.rebuildGate(PartitionID(16))
        }
    }

    @Test func `a long rebuild outlives its request's deadline and delays no other admin`()
        async throws
    {
        let world = try await World(ownPostgres: true)
        let daemon = try await world.daemon()
        world.postgres.pause()
        let client = daemon.client
        @Sendable func rebuild() async throws -> CouponCore.Failure {
            do {
                let epoch = try await client.rebuildGate(PartitionID(3), deadline: .seconds(2))
                throw Unexpected(what: "rebuilt in \(epoch)")
            } catch ClientError.refused(let failure) {
                return failure
            }
        }
        async let first = rebuild()
        // A reload needs no PostgreSQL.
        try await client.reload()
        var failure = try await first
        // The lane says it shortly before the deadline. On a busy machine the deadline may pass first.
        try await eventually("the answer says what goes on; it is \(failure)") {
            if failure.message.contains("continues the rebuild") { return true }
            failure = try await rebuild()
            return false
        }
        #expect(failure.code == .deadlineExceeded)
        world.postgres.resume()
        try await daemon.ready()
        _ = try await client.create(.offer(3, total: 1))
        try await daemon.winSoon(coupon, 1)
        #expect(try await client.audit(coupon).place.epoch > 1)
    }
}

extension World {
    /// Waits until a coupon's accounts add up.
    fileprivate func expectBalance(of coupon: CouponID, through daemon: Daemon) async throws {
        try await eventually("the accounts add up") {
            let audit = try await daemon.client.audit(coupon)
            return audit.judge.isComparable && audit.judge.checks.allSatisfy(\.holds)
        }
    }
}
