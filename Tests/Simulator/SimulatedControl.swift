/// The blocking way to the gates, as `RedisGateControl` behaves: after an error the next call connects anew,
/// and what an earlier connection had sent may still run.
import CouponCore
import Models

final class SimulatedControl: GateControl {
    private let play: Play
    private let fiber: Fiber
    /// The process that the connection reaches; nil where there is none.
    private var process: Int?

    init(_ play: Play, _ fiber: Fiber) {
        self.play = play
        self.fiber = fiber
    }

    /// One script: the way there, its run, the way back; each may fail.
    private func run<Value>(
        _ name: @autoclosure () -> String,
        _ script: @escaping (inout ModelRedis, Timestamp) -> Value
    ) throws(GateControlError) -> Value {
        play.sleep(fiber, play.line.delay())
        if fiber.isDead { throw .unavailable("dead") }
        let redis = play.redis
        if process == nil { process = redis.isUp ? redis.process : nil }
        guard redis.isUp, process == redis.process else { throw lost("Redis is away", name()) }
        if play.chance(play.faults.control) {
            switch play.line.random(0...4) {
            case 0: throw lost("the request was lost", name())
            case 1:
                let number = redis.process
                play.line.after(play.line.random(1_000...2_000_000)) { [play] in
                    guard play.redis.isUp, play.redis.process == number else { return }
                    play.line.note("redis", "a late call runs")
                    _ = play.redis.run(script)
                }
                throw lost("the request is late", name())
            case 2:
                _ = redis.run(script)
                play.sleep(fiber, play.line.delay())
                throw lost("the reply was lost", name())
            case 3: throw lost("LOADING", name())
            default:
                process = nil
                throw .unexpectedReply("nonsense")
            }
        }
        let value = redis.run(script)
        play.line.note(fiber.name, "\(name()) -> \(value)")
        play.sleep(fiber, play.line.delay())
        if fiber.isDead { throw .unavailable("dead") }
        return value
    }

    private func lost(_ reason: String, _ name: String) -> GateControlError {
        process = nil
        play.line.note(fiber.name, "\(name) failed: \(reason)")
        play.sleep(fiber, play.line.delay())
        return .unavailable(reason)
    }

    func identity() throws(GateControlError) -> RedisIdentity {
        try run("identity") { [play] _, _ in play.redis.identity }
    }

    func read(
        _ partition: PartitionID, after: Position, upTo: Position?, maximumRequests: Int
    ) throws(GateControlError) -> GateView {
        try run("read after \(after)") { data, now in
            data.read(
                partition, after: after, upTo: upTo, maximumRequests: maximumRequests, now: now)
        }
    }

    func wait(
        for queues: [(partition: PartitionID, after: Position)], milliseconds: Int
    ) throws(GateControlError) -> [PartitionID] {
        let end = play.line.now + Int64(milliseconds) * 1_000
        let unblocked = play.redis.unblocked
        while true {
            guard !fiber.isDead, play.redis.isUp, process == play.redis.process,
                unblocked == play.redis.unblocked
            else {
                throw lost("Redis is away", "wait")
            }
            let grown = queues.filter { queue in
                play.redis.data.partitions[queue.partition.rawValue].queue
                    .contains { $0.entry.position > queue.after }
            }
            if !grown.isEmpty || play.line.now >= end { return grown.map(\.partition) }
            play.blocked.append(fiber)
            play.sleep(fiber, end - play.line.now)
        }
    }

    func settle(
        _ settlement: Settlement, thenReading maximumRequests: Int
    ) throws(GateControlError) -> GateView? {
        let done = try run(
            "settle \(settlement.from) to \(settlement.to) epoch \(settlement.epoch)"
        ) {
            $0.settle(settlement, now: $1)
        }
        let view = try read(
            settlement.partition, after: settlement.to, upTo: nil, maximumRequests: maximumRequests)
        return done ? view : nil
    }

    func heartbeat(_ rows: [PartitionRow]) throws(GateControlError) -> [GateView?] {
        var views: [GateView?] = []
        for row in rows {
            let isOpen = try run("heartbeat") {
                $0.heartbeat(row.id, epoch: row.epoch, now: $1)
            }
            let view = try read(row.id, after: row.cursor, upTo: nil, maximumRequests: 1)
            views.append(isOpen ? view : nil)
        }
        return views
    }

    func fence(
        _ partition: PartitionID, epoch: Epoch, installID: String
    ) throws(GateControlError) -> Bool {
        let done = try run("fence \(epoch)") { data, _ in
            data.fence(partition, epoch: epoch, installID: installID)
        }
        guard let done else { throw .unavailable("another installation") }
        return done
    }

    func load(
        _ coupon: LoadedCoupon, partition: PartitionID, epoch: Epoch, token: Int64?
    ) throws(GateControlError) -> LoadResult {
        try run("load coupon \(coupon.coupon.id.rawValue) used \(coupon.used) epoch \(epoch)") {
            $0.load(coupon, partition: partition, epoch: epoch, token: token, now: $1)
        }
    }

    func open(
        _ partition: PartitionID, epoch: Epoch, settled: Position, queued: Int64
    ) throws(GateControlError) -> Bool {
        try run("open epoch \(epoch) settled \(settled)") {
            $0.open(partition, epoch: epoch, settled: settled, queued: queued, now: $1)
        }
    }

    func set(
        _ coupon: Coupon, partition: PartitionID, epoch: Epoch
    ) throws(GateControlError) -> SetResult {
        try run("set coupon \(coupon.id.rawValue) version \(coupon.version)") {
            $0.set(coupon, partition: partition, epoch: epoch, now: $1)
        }
    }

    func cap(
        _ coupon: CouponID, version: Int64, partition: PartitionID, epoch: Epoch, total: Int64
    ) throws(GateControlError) -> CapResult {
        try run("cap coupon \(coupon.rawValue) at \(total) version \(version)") {
            $0.cap(
                coupon, version: version, partition: partition, epoch: epoch, total: total, now: $1)
        }
    }

    func inspect(
        _ coupon: CouponID, partition: PartitionID, user: UserID?
    ) throws(GateControlError) -> GateInspection {
        try run("inspect coupon \(coupon.rawValue)") {
            $0.inspect(coupon, partition: partition, user: user, now: $1)
        }
    }

    func sweep(_ partition: PartitionID, before epoch: Epoch) throws(GateControlError) {
        try run("sweep before \(epoch)") { data, _ in data.sweep(partition, before: epoch) }
    }
}
