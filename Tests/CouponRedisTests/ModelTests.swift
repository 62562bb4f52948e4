/// The scripts against the model of them that the simulator plays with: random histories, the same answers,
/// the same events and the same state after every command.
internal import CouponCore
internal import Logging
internal import Models
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

/// One history, on a Redis of its own and in the model.
private final class History {
    let bench: Bench
    let control: RedisGateControl
    let source: RedisEventSource
    var model = ModelRedis(partitioning: Partitioning(count: 4))
    var random: SplitMix64
    let coupons: [Int64] = [3, 7, 11]
    let users: [Int64] = [1, 2, 3, 4, bigUser]
    /// Inside every window that is not far away.
    let now = Timestamp(microseconds: 1_900_000_000_000_000)
    var versions: Int64 = 1

    init(seed: UInt64, retention: Int64) async throws {
        bench = try await Bench(retention: retention)
        control = bench.another {
            $0.backlogPerCoupon = 5
            $0.backlogPerPartition = 8
        }
        source = RedisEventSource(options: control.options, logger: Logger(label: "test"))
        model.retention = retention
        model.replicationID = try control.identity().replicationID
        model.backlogPerCoupon = 5
        model.backlogPerPartition = 8
        random = SplitMix64(seed: seed)
        while source.next() != .up {}
    }

    func draw(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    func pick<Element>(_ elements: [Element]) throws -> Element {
        try #require(elements.randomElement(using: &random))
    }

    var keys: ModelRedis.Partition { model.partitions[partition.rawValue] }

    /// Mostly the gate's own.
    var epoch: Epoch { (keys.gate?.epoch ?? 0) + (draw(0...9) == 0 ? 1 : 0) }

    /// Some position of the queue, or where it is settled.
    func place() throws -> Position {
        try pick(keys.queue.map(\.entry.position) + [keys.gate?.settled ?? .zero])
    }

    func step() throws {
        switch draw(0...99) {
        case 0..<50: try gate()
        case 50..<62: try settle()
        case 62..<74: try load()
        case 74..<80: try set()
        case 80..<85: try cap()
        case 85..<88: try fence()
        case 88..<94: try open()
        case 94..<97: try heartbeat()
        default: try sweep()
        }
    }

    func gate() throws {
        let requests = try (0..<draw(0...3)).map { _ in
            request(
                try pick(users), try pick(["a", "b"]), notAfter: draw(0...19) == 0 ? 1 : 1 << 53)
        }
        let call = GateCall(
            partition: partition, epoch: epoch,
            identity: RedisIdentity(
                runID: "run", replicationID: draw(0...39) == 0 ? "other" : model.replicationID),
            floor: (keys.gate?.tail ?? 0) + (draw(0...39) == 0 ? 1 : 0),
            coupon: CouponID(try pick(coupons)), requests: requests)
        let answer = try bench.answer(
            requests, epoch: call.epoch, floor: call.floor, coupon: call.coupon.rawValue,
            by: control, identity: call.identity)
        var time = now
        if case .reply(let reply) = answer { time = reply.now }
        #expect(model.gate(call, now: time) == answer, "\(call)")
    }

    /// A coupon as PostgreSQL may have it.
    func committed(_ id: Int64) throws -> Coupon {
        if draw(0...2) == 0 { versions += 1 }
        return coupon(
            id, total: try pick([nil, 2, 4]),
            state: try pick([.active, .active, .active, .paused]),
            version: max(1, versions - Int64(draw(0...2))), issued: Int64(draw(0...2)),
            opens: draw(0...9) == 0 ? 8_000_000_000_000_000 : 0,
            closes: draw(0...9) == 0 ? 1_000 : 8_500_000_000_000_000)
    }

    func settle() throws {
        let from = draw(0...9) == 0 ? try place() : keys.gate?.settled ?? .zero
        let to = try place()
        let entries = keys.queue.map(\.entry).filter { $0.position > from && $0.position <= to }
        var refusals: [Refusal] = []
        for entry in entries {
            for (offset, accepted) in entry.requests.enumerated() where draw(0...3) == 0 {
                let reason = try pick(RejectionReason.allCases)
                let holding = Holding(
                    coupon: entry.coupon, user: accepted.user,
                    sequence: entry.firstSequence + Int64(offset), requestID: accepted.requestID)
                let other = Holding(
                    coupon: entry.coupon, user: accepted.user, sequence: 99, requestID: id("z"))
                refusals.append(
                    Refusal(
                        holding: holding, position: entry.position, reason: reason,
                        issued: reason == .alreadyIssued ? other : nil))
            }
        }
        let settlement = Settlement(
            partition: partition, epoch: epoch,
            identity: RedisIdentity(
                runID: "run", replicationID: draw(0...9) == 0 ? "other" : model.replicationID),
            from: from, to: to, issuedAt: now, isRecovery: draw(0...3) == 0,
            coupons: try Set(entries.map(\.coupon)).sorted().map { id in
                SettledCoupon(
                    id: id, coupon: draw(0...5) == 0 ? nil : try committed(id.rawValue),
                    requests: entries.filter { $0.coupon == id }
                        .reduce(0) { $0 + Int64($1.requests.count) })
            }, refusals: refusals)
        let view = try control.settle(settlement, thenReading: 3)
        #expect((view != nil) == model.settle(settlement, now: now))
        if let view {
            #expect(
                view == model.read(partition, after: to, upTo: nil, maximumRequests: 3, now: now))
        }
    }

    func load() throws {
        let holders = try users.filter { _ in draw(0...3) == 0 }.map { user in
            LoadedHolder(
                user: UserID(user),
                holder: GateHolder(
                    sequence: Int64(draw(1...9)), position: .zero, requestID: id("a"),
                    rejection: try pick([nil, nil, .soldOut, .deadLetter])))
        }
        let loaded = LoadedCoupon(
            coupon: try committed(try pick(coupons)), holders: holders,
            used: Int64(holders.count { $0.holder.hasSlot }), queued: 0, nextSequence: 10)
        let gate = keys.gate
        let token: Int64? =
            gate?.isFenced == true
            ? (draw(0...5) == 0 ? 1 : nil)
            : (draw(0...5) == 0 ? nil : (gate?.loadToken ?? 0) - (draw(0...7) == 0 ? 1 : 0))
        let epoch = self.epoch
        #expect(
            try control.load(loaded, partition: partition, epoch: epoch, token: token)
                == model.load(
                    loaded, partition: partition, epoch: epoch, token: token, now: now))
    }

    func set() throws {
        let (coupon, epoch) = (try committed(try pick(coupons)), self.epoch)
        #expect(
            try control.set(coupon, partition: partition, epoch: epoch)
                == model.set(coupon, partition: partition, epoch: epoch, now: now))
    }

    func cap() throws {
        let id = CouponID(try pick(coupons))
        let (epoch, total, version) = (self.epoch, Int64(draw(0...5)), versions)
        #expect(
            try control.cap(
                id, version: version, partition: partition, epoch: epoch, total: total)
                == model.cap(
                    id, version: version, partition: partition, epoch: epoch, total: total,
                    now: now))
    }

    func fence() throws {
        let epoch = (keys.gate?.epoch ?? 0) + Int64(draw(0...2))
        #expect(
            try control.fence(partition, epoch: epoch, installID: "install")
                == model.fence(partition, epoch: epoch, installID: "install"))
    }

    func open() throws {
        let (epoch, settled, queued) = (self.epoch, try place(), Int64(draw(0...3)))
        #expect(
            try control.open(partition, epoch: epoch, settled: settled, queued: queued)
                == model.open(
                    partition, epoch: epoch, settled: settled, queued: queued, now: now))
    }

    func heartbeat() throws {
        let epoch = self.epoch
        let row = partitionRow(epoch: epoch, cursor: try place())
        let isOpen = model.heartbeat(partition, epoch: epoch, now: now)
        let view = model.read(
            partition, after: row.cursor, upTo: nil, maximumRequests: 1, now: now)
        #expect(try control.heartbeat([row]) == [isOpen ? view : nil])
    }

    func sweep() throws {
        let epoch = self.epoch
        try control.sweep(partition, before: epoch)
        model.sweep(partition, before: epoch)
    }

    /// The same events, and the same state.
    func check() throws {
        for event in model.events {
            var heard: EventSignal?
            for _ in 0..<20 where heard == nil { heard = source.next() }
            #expect(heard?.published(at: event.publishedAt) == .event(event))
        }
        model.events.removeAll()
        let (after, most) = (try pick([.zero, try place()]), draw(1...4))
        #expect(
            try control.read(partition, after: after, upTo: nil, maximumRequests: most)
                == model.read(
                    partition, after: after, upTo: nil, maximumRequests: most, now: now))
        for coupon in coupons {
            for user in users {
                let real = try control.inspect(
                    CouponID(coupon), partition: partition, user: UserID(user))
                let mine = model.inspect(
                    CouponID(coupon), partition: partition, user: UserID(user), now: real.now)
                #expect(real == mine, "coupon \(coupon), user \(user)")
            }
        }
    }
}

@Suite struct ModelTests {
    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `the scripts and their model are the same`(_ seed: UInt64) async throws {
        let history = try await History(seed: seed, retention: seed % 2 == 0 ? 3_600_000 : 0)
        for _ in 1...250 {
            try history.step()
            try history.check()
        }
    }
}
