/// The blocking connection to the gates. Like `RedisGateControl`: after an error the next call connects
/// again, and calls of an earlier connection may still run.
import CouponCore
import CoreTestKit

final class SimulatedControl: GateControl {
    let play: Play
    let fiber: Fiber
    /// The Redis process of each connection, by the number of the server.
    var processes: [Int: Int] = [:]
    /// Where the last `node(of:)` led: other calls go there too. With several masters by partition.
    var places: [PartitionID: RedisNodes.Place] = [:]
    /// Uses the session of a scheduler, again and again while Redis does not answer (rule 9).
    let whileWaiting: (() throws(BackendError) -> Void)?
    /// When it is called next.
    var dueAt: Int64

    init(
        _ play: Play, _ fiber: Fiber, whileWaiting: (() throws(BackendError) -> Void)? = nil
    ) {
        self.play = play
        self.fiber = fiber
        self.whileWaiting = whileWaiting
        dueAt = play.line.now + Limits.pingMilliseconds * 1_000
    }

    /// Runs one script of a partition. The request, the run and the reply may each fail.
    /// - Parameters:
    ///   - before: how long the request takes, by its size.
    ///   - after: how long the reply takes, by its size.
    func run<Value>(
        _ partition: PartitionID, _ name: @autoclosure () -> String, before: Int64 = 0,
        after: (Value) -> Int64 = { _ in 0 },
        _ script: @escaping (inout ModelRedis, Timestamp) -> Value
    ) throws(BackendError) -> Value {
        if play.losesCall(of: partition, by: fiber) {
            throw lost("the request was lost", name(), server(of: partition))
        }
        return try run(
            at: server(of: partition), refusing: { $0.refusal(of: partition) }, name(),
            before: before, after: after, script)
    }

    /// The same, of no partition.
    /// - Parameter refusal: why the server does not run it; nil if it does.
    func run<Value>(
        at target: @autoclosure () -> RedisServer,
        refusing refusal: @escaping (RedisServer) -> String? = \.refusal,
        _ name: @autoclosure () -> String, before: Int64 = 0,
        after: (Value) -> Int64 = { _ in 0 },
        _ script: @escaping (inout ModelRedis, Timestamp) -> Value
    ) throws(BackendError) -> Value {
        let redis = target()
        try connect(to: redis, for: name())
        let isConnected = processes[redis.number] == redis.process
        let late = late(redis, refusal, script)
        do throws(BackendError) { try wait(play.line.delay() + before, for: redis) } catch {
            // What was sent before may run.
            if isConnected, !fiber.isDead, play.line.chance(500) {
                play.line.after(play.line.random(1_000...1_000_000), late)
            }
            throw error
        }
        guard redis.isUp, play.reaches(fiber.daemon, redis),
            processes[redis.number] == redis.process
        else {
            throw lost("Redis is away", name(), redis)
        }
        if redis.keepsUntilThaw(late) {
            // One of several nodes may be silent for a second only.
            let longest: Int64 = play.isSpread ? 1_000_000 : 2_500_000
            try wait(play.line.random(50_000...longest), for: redis)
            throw lost("no answer", name(), redis)
        }
        if let refusal = refusal(redis) { throw lost(refusal, name(), redis) }
        if play.chance(play.faults.control) {
            switch play.line.random(0...4) {
            case 0: throw lost("the request was lost", name(), redis)
            case 1:
                play.line.after(play.line.random(1_000...2_000_000), late)
                throw lost("the request is late", name(), redis)
            case 2:
                _ = redis.run(script)
                play.sleep(fiber, play.line.delay())
                throw lost("the reply was lost", name(), redis)
            case 3: throw lost("LOADING", name(), redis)
            default:
                processes[redis.number] = nil
                throw .redis(.unexpectedReply("nonsense"))
            }
        }
        let value = redis.run(script)
        play.line.note(fiber.name, "\(name()) -> \(value)")
        try wait(play.line.delay() + after(value), for: redis)
        return value
    }

    func lost(_ reason: String, _ name: String, _ redis: RedisServer) -> BackendError {
        processes[redis.number] = nil
        fiber.daemon?.refreshMap()
        play.line.note(fiber.name, "\(name) failed: \(reason)")
        play.sleep(fiber, play.line.delay())
        return .redis(.unavailable(reason))
    }

    func read(
        _ partition: PartitionID, after: Position, upTo: Position?, maximumRequests: Int
    ) throws(BackendError) -> GateView {
        let weights = play.weights
        return try run(partition, "read after \(after)", after: { weights.entries($0.items.count) })
        {
            data, now in
            data.read(
                partition, after: after, upTo: upTo, maximumRequests: maximumRequests, now: now)
        }
    }

    func settle(
        _ settlement: Settlement, thenReading maximumRequests: Int
    ) throws(BackendError) -> GateView? {
        let done = try run(
            settlement.partition,
            "settle \(settlement.from) to \(settlement.to) epoch \(settlement.epoch)"
        ) {
            $0.settle(settlement, now: $1)
        }
        let view = try read(
            settlement.partition, after: settlement.to, upTo: nil, maximumRequests: maximumRequests)
        return done ? view : nil
    }

    func heartbeat(_ rows: [PartitionRow]) -> [Result<GateView?, BackendError>] {
        rows.map { row in
            Result { () throws(BackendError) -> GateView? in
                let isOpen = try run(row.id, "heartbeat") {
                    $0.heartbeat(row.id, epoch: row.epoch, now: $1)
                }
                let view = try read(row.id, after: row.cursor, upTo: nil, maximumRequests: 1)
                return isOpen ? view : nil
            }
        }
    }

    func fence(_ row: PartitionRow) throws(BackendError) -> Bool {
        let done = try run(row.id, "fence \(row.epoch)") { data, _ in data.fence(row) }
        guard let done else { throw .redis(.unavailable("another installation")) }
        return done
    }

    /// If there is nothing to move it costs nothing, so that plays without such entries stay the same.
    func move(
        _ move: inout QueueMove, of row: PartitionRow, limit: Int
    ) throws(BackendError) -> Bool {
        let keys = server(of: row.id).data[row.id]
        if keys.foreign.isEmpty {
            move.isOver = true
            return true
        }
        let before = move
        let (done, after) = try run(
            row.id, "move behind \(move.after)",
            before: play.weights.entries(min(limit, keys.queue.count + keys.foreign.count))
        ) { data, _ in
            var after = before
            let done = data.move(&after, of: row, limit: limit)
            return (done, after)
        }
        move = after
        return done
    }

    func distrust(_ partition: PartitionID) throws(BackendError) -> Epoch {
        try run(partition, "distrust") { data, _ in data.distrust(partition) }
    }

    func beat(_ partition: PartitionID, epoch: Epoch) throws(BackendError) -> Bool {
        try run(partition, "beat \(epoch)") { data, _ in data.beat(partition, epoch: epoch) }
    }

    func entries(
        _ partition: PartitionID, after: Position, limit: Int
    ) throws(BackendError) -> [QueueItem] {
        let items = try run(
            partition, "entries after \(after)", after: { play.weights.entries($0?.count ?? 0) }
        ) { data, _ in
            data.entries(partition, after: after, limit: limit)
        }
        guard let items else {
            throw lost("an id that cannot come from a gate", "entries", server(of: partition))
        }
        return items
    }

    func count(
        _ requests: [PlacedRequest], from: Position, to: Position, partition: PartitionID,
        epoch: Epoch
    ) throws(BackendError) -> Bool {
        try run(
            partition, "count \(requests.count) from \(from) to \(to) epoch \(epoch)",
            // An entry is not split; in a real Redis the largest one is as large as a page.
            before: play.weights.holders(min(requests.count, play.drawnWeights.page))
        ) { data, _ in
            data.count(requests, from: from, to: to, partition: partition, epoch: epoch)
        }
    }

    func open(_ row: PartitionRow, counted: Position) throws(BackendError) -> Bool {
        try run(row.id, "open epoch \(row.epoch) settled \(row.cursor)") {
            $0.open(row, counted: counted, now: $1)
        }
    }

    func claim(
        _ coupon: CouponID, partition: PartitionID, epoch: Epoch, load: LoadNumber
    ) throws(BackendError) -> ClaimResult {
        try run(partition, "claim coupon \(coupon.rawValue) epoch \(epoch)") {
            $0.claim(coupon, partition: partition, epoch: epoch, load: load, now: $1)
        }
    }

    func stage(
        _ holders: [LoadedHolder], of coupon: CouponID, partition: PartitionID, epoch: Epoch,
        load: LoadNumber?, during work: () -> Void
    ) throws(BackendError) -> Bool {
        work()
        return try run(
            partition, "stage \(holders.count) of coupon \(coupon.rawValue) epoch \(epoch)",
            before: play.weights.holders(holders.count)
        ) {
            $0.stage(
                holders, of: coupon, partition: partition, epoch: epoch, load: load, now: $1)
        }
    }

    func load(
        _ coupons: [LoadedCoupon], partition: PartitionID, epoch: Epoch, load: LoadNumber?
    ) throws(BackendError) -> LoadResult {
        let names = coupons.map {
            "\($0.marks.coupon.id.rawValue) used \($0.marks.used) of \($0.holderCount)"
                + ($0.isFilling ? ", filling" : "")
        }
        return try run(
            partition, "load coupons \(names.joined(separator: ", ")) epoch \(epoch)",
            before: play.weights.holders(coupons.reduce(0) { $0 + $1.holders.count })
        ) {
            $0.load(coupons, partition: partition, epoch: epoch, load: load, now: $1)
        }
    }

    func complete(
        _ coupon: CouponID, partition: PartitionID, epoch: Epoch, load: LoadNumber
    ) throws(BackendError) -> Bool {
        try run(partition, "complete coupon \(coupon.rawValue) epoch \(epoch)") { data, _ in
            data.complete(coupon, partition: partition, epoch: epoch, load: load)
        }
    }

    func abandon(
        _ coupon: CouponID, partition: PartitionID, epoch: Epoch, load: LoadNumber
    ) throws(BackendError) {
        try run(partition, "abandon coupon \(coupon.rawValue)") { data, _ in
            data.abandon(coupon, partition: partition, epoch: epoch, load: load)
        }
    }

    func unload(
        _ partition: PartitionID, epoch: Epoch, limit: Int
    ) throws(BackendError) -> Bool {
        try run(partition, "unload epoch \(epoch)") {
            $0.unload(partition, epoch: epoch, limit: limit, now: $1)
        }
    }

    func set(
        _ coupon: Coupon, partition: PartitionID, epoch: Epoch
    ) throws(BackendError) -> SetResult {
        try run(partition, "set coupon \(coupon.id.rawValue) version \(coupon.version)") {
            $0.set(coupon, partition: partition, epoch: epoch, now: $1)
        }
    }

    func cap(
        _ coupon: CouponID, version: Int64, partition: PartitionID, epoch: Epoch, total: Int64
    ) throws(BackendError) -> CapResult {
        try run(partition, "cap coupon \(coupon.rawValue) at \(total) version \(version)") {
            $0.cap(
                coupon, version: version, partition: partition, epoch: epoch, total: total, now: $1)
        }
    }

    func remove(
        _ coupon: CouponID, version: Int64, partition: PartitionID, epoch: Epoch
    ) throws(BackendError) -> RemoveResult {
        try run(partition, "remove coupon \(coupon.rawValue) epoch \(epoch)") {
            $0.remove(coupon, version: version, partition: partition, epoch: epoch, now: $1)
        }
    }

    func apply(
        _ letter: DeadLetter, of coupon: Coupon, partition: PartitionID, epoch: Epoch
    ) throws(BackendError) -> SetResult {
        try run(partition, "letter \(letter.id), \(letter.state)") {
            $0.apply(letter, of: coupon, partition: partition, epoch: epoch, now: $1)
        }
    }

    func inspect(
        _ coupon: CouponID, partition: PartitionID, user: UserID?
    ) throws(BackendError) -> GateInspection {
        let server = server(of: partition)
        return try run(partition, "inspect coupon \(coupon.rawValue)") {
            $0.inspect(
                coupon, partition: partition, user: user, identity: server.identity, now: $1)
        }
    }

    func sweep(
        _ partition: PartitionID, before epoch: Epoch, limit: Int
    ) throws(BackendError) -> Bool {
        try run(
            partition, "sweep before \(epoch)",
            before: play.weights.keys(min(limit, play.drawnWeights.page))
        ) { data, _ in
            data.sweep(partition, before: epoch, limit: limit)
        }
    }

    func search(
        _ search: inout HolderSearch, partition: PartitionID
    ) throws(BackendError) {
        let (before, page) = (search, play.drawnWeights.page)
        let count = min(page, server(of: partition).data.holderCount(of: partition))
        search = try run(partition, "search", before: play.weights.holders(count)) { data, _ in
            var after = before
            data.search(&after, partition: partition, limit: page)
            return after
        }
    }
}
