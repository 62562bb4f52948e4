import CouponClient
import CouponCore
import CouponPostgres
import CouponRedis
import Logging
import TestSupport
import TestWorld
import Testing

@testable import coupond

/// Admins decide on dead letters of a coupon while it is loaded (rules 32, 46 and 53).
@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct LettersDuringLoadTests {
    private let coupon = CouponID(3)
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Users 1 to 40 have the coupon, and the requests of 41 to 80 are dead letters. No gate holds it.
    private func fill(_ world: World) throws {
        try world.sql(
            """
            INSERT INTO coupond.coupon_issue
                (coupon_id, user_id, sequence, request_id, accepted_at, issued_at)
            SELECT 3, n, n, 'r', now(), now() FROM generate_series(1, 40) AS n;
            INSERT INTO coupond.dead_letter
                (partition, epoch, n, coupon_id, user_id, sequence, request_id, accepted_at, error)
            SELECT 3, 0, 1, 3, n, n, 'r', now(), 'no' FROM generate_series(41, 80) AS n;
            UPDATE coupond.coupon SET issued = 40, last_sequence = 80 WHERE id = 3
            """)
    }

    private func keeper(_ world: World, _ slices: Slices) -> CouponKeeper {
        let partitioning = Partitioning(count: 16)
        return CouponKeeper(
            store: PostgresCouponStore(
                PostgresOptions(connection: world.database), partitioning: partitioning,
                logger: quiet),
            gates: RedisGateControl(
                options: RedisOptions(address: .unix(path: world.redis.socket)), logger: quiet),
            partitioning: partitioning, slices: slices, clocks: .system, forget: { _ in },
            failed: { _ in })
    }

    @Test(arguments: [Limits.issuesLoadedLater, 1])
    func `a decision between any two steps of a load neither ends it nor is lost`(
        issuesLoadedLater: Int64
    ) async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        _ = try await daemon.client.create(.offer(3, total: 1_000))
        try fill(world)
        var slices = Slices()
        (slices.holdersOfLoad, slices.issuesLoadedLater) = (5, issuesLoadedLater)
        let keeper = keeper(world, slices)
        var letters = try await daemon.client.deadLetters(of: coupon)
        // Some letters are of users whom the load has not read yet, others of users whom it has read.
        letters = zip(letters, letters.reversed()).flatMap { [$0, $1] }.prefix(40).map(\.self)
        var load = CouponLoad(of: coupon, number: 7)
        var (outcome, holders, isRedrive) = (LoadOutcome?.none, 0, false)
        while outcome == nil {
            switch load.advance(keeper) {
            case .moved(let count): holders += count
            case .opened: break
            case .wait: throw Unexpected(what: "another load")
            case .done(let end): outcome = end
            }
            guard outcome == nil, !letters.isEmpty else { continue }
            let letter = letters.removeFirst()
            isRedrive.toggle()
            _ =
                try await isRedrive
                ? daemon.client.redrive(letter.id) : daemon.client.discard(letter.id)
        }
        #expect(outcome == .loaded)
        // While the coupon is filling, users whose letters were redriven are read once more.
        #expect(issuesLoadedLater == 1 ? holders <= 120 : holders == 80)
        try await eventually("the gate has every decision, and the accounts add up") {
            let audit = try await daemon.client.audit(coupon)
            return audit.judge.isComparable && audit.judge.checks.allSatisfy(\.holds)
                && audit.accounts.unsynced == 0
        }
        let states = try world.sql(
            """
            SELECT count(*) FILTER (WHERE state = 2) > 4, count(*) FILTER (WHERE state = 3) > 4,
                count(*) FILTER (WHERE NOT synced) FROM coupond.dead_letter
            """)
        #expect(states == "t|t|0")
    }
}
