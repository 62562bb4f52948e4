/// Schedulers over models of their servers, with a clock that only a test moves.
import CouponCore
import CoreTestKit
import Logging
import Testing

@testable import CouponScheduler

/// A scheduler with its connections to the servers.
struct TestDaemon {
    let scheduler: Scheduler
    let gates: ModelGates
    let ledger: ModelLedger

    /// One turn, and a little time. Nothing waits in it.
    func turn(_ clock: VirtualClock) {
        scheduler.turn()
        clock.advance(milliseconds: 5)
    }
}

/// Servers, daemons and time of one test.
final class Plant {
    let clock = VirtualClock()
    let world: ModelWorld
    private var lastUser: Int64 = 0

    init(partitions: Int = 1) { world = ModelWorld(partitions: partitions, clocks: clock.clocks) }

    /// A daemon whose slices are small.
    func daemon(
        requestsPerTransaction: Int = 50, _ change: (inout SchedulerOptions) -> Void = { _ in }
    ) -> TestDaemon {
        let (gates, ledger) = (ModelGates(world), ModelLedger(world))
        // Three calls make a slice.
        gates.before = { [clock] call, _ in
            if call != .wait { clock.advance(milliseconds: 4) }
        }
        var options = SchedulerOptions(
            partitioning: world.partitioning, requestsPerTransaction: requestsPerTransaction,
            seed: 1, clocks: clock.clocks)
        options.slices.requests = 10
        options.slices.holders = 10
        options.slices.coupons = 3
        options.slices.couponsBesideOthers = 3
        change(&options)
        return TestDaemon(
            scheduler: Scheduler(
                ledger: ledger, gates: gates, options: options,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }),
            gates: gates, ledger: ledger)
    }

    /// Runs turns until something holds; fails after too many turns.
    func run(
        _ daemons: TestDaemon..., turns: Int = 2_000,
        sourceLocation: SourceLocation = #_sourceLocation,
        until isDone: () -> Bool
    ) {
        for _ in 0..<turns {
            if isDone() { return }
            for daemon in daemons { daemon.turn(clock) }
        }
        #expect(isDone(), "not within \(turns) turns", sourceLocation: sourceLocation)
    }

    func isOpen(_ partition: Int = 0) -> Bool {
        let gate = world.redis[PartitionID(partition)].gate
        return gate?.isFenced == false && gate?.epoch == row(partition).epoch
    }

    func row(_ partition: Int = 0) -> PartitionRow { world.tables[PartitionID(partition)] }

    func queue(_ partition: Int = 0) -> [ModelRedis.Entry] {
        world.redis[PartitionID(partition)].queue
    }

    /// A loaded coupon of partition `id % partitions`.
    func offer(_ id: Int64 = 8, total: Int64? = nil, holders: Int = 0) {
        var coupon = Coupon(
            id: CouponID(id), title: "t", total: total,
            window: Window(opens: .zero, closes: Timestamp(microseconds: .max)))
        coupon.issued = Int64(holders)
        coupon.lastSequence = Int64(holders)
        world.tables.coupons[coupon.id] = coupon
        for sequence in 0..<Int64(holders) {
            lastUser += 1
            world.tables.issues[coupon.id, default: [:]][UserID(lastUser)] = ModelTables.Issue(
                sequence: sequence + 1, requestID: .random(), at: .zero)
        }
        let (partition, now) = (world.partitioning.partition(of: coupon.id), clock.wallNow)
        let epoch = world.tables[partition].epoch
        _ = world.redis.claim(coupon.id, partition: partition, epoch: epoch, load: 1, now: now)
        let holders = world.tables.holders(of: coupon.id, after: .issued(UserID(0)), limit: .max)
        let loaded = LoadedCoupon(
            marks: LoadMarks(coupon: coupon, held: 0), holders: holders.holders)
        let result = world.redis.load(
            [loaded], partition: partition, epoch: epoch, load: 1, now: now)
        #expect(result == .loaded)
    }

    /// New users ask for a coupon, each in an entry of its own.
    func accept(_ count: Int = 1, of id: Int64 = 8) {
        let partition = world.partitioning.partition(of: CouponID(id))
        for _ in 0..<count {
            lastUser += 1
            let request = GateRequest(
                user: UserID(lastUser), requestID: .random(),
                notAfter: Timestamp(microseconds: .max))
            let answer = world.redis.gate(
                GateCall(
                    partition: partition, epoch: world.tables[partition].epoch,
                    identity: world.identity, floor: 0, coupon: CouponID(id), requests: [request]),
                now: clock.wallNow)
            guard case .reply(let reply) = answer, case .accepted? = reply.verdicts.first else {
                Testing.Issue.record("not accepted: \(answer)")
                return
            }
        }
    }

    /// Redis loses a partition's gate, records and holders, and keeps its queue.
    func loseGate(_ partition: Int = 0) {
        var keys = world.redis[PartitionID(partition)]
        (keys.gate, keys.coupons, keys.loads, keys.visits) = (nil, [:], [:], [:])
        world.redis[PartitionID(partition)] = keys
    }
}
