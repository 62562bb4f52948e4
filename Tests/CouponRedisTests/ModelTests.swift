/// The scripts against the simulator's model of them: random histories must give the same answers, the same
/// events and the same state after every command.
internal import CouponCore
internal import Logging
internal import CoreTestKit
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

/// One history, on a Redis of its own and in the model.
final class ModelHistory {
    let fixture: RedisFixture
    let control: RedisGateControl
    let source: RedisEventSource
    var model = ModelRedis(partitioning: Partitioning(count: 4))
    var random: SplitMix64
    let coupons: [Int64] = [3, 5, 7]
    let users: [Int64] = [1, 2, 3, 4, bigUser]
    /// A time inside every window, except those that are far away.
    let now = Timestamp(microseconds: 1_900_000_000_000_000)
    var versions: Int64 = 1
    /// How far the last rebuild has copied the queue.
    var lastMove = QueueMove(from: .zero)

    init(seed: UInt64, retention: Int64) async throws {
        fixture = try await RedisFixture(retention: retention)
        control = fixture.another {
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

    /// Mostly the gate's own epoch.
    var epoch: Epoch { (keys.gate?.epoch ?? 0) + (draw(0...9) == 0 ? 1 : 0) }

    /// Some position of the queue, or where it is settled.
    func place() throws -> Position {
        try pick(keys.queue.map(\.entry.position) + [keys.gate?.settled ?? .zero])
    }

    func step() throws {
        switch draw(0...99) {
        case 0..<42: try gate()
        case 42..<52: try settle()
        case 52: try draw(0...1) == 0 ? complete() : letter()
        case 53..<60: try load()
        case 60..<62: try claim()
        case 62..<66: try stage()
        case 66..<68: try name()
        case 68..<69: try abandon()
        case 69..<74: try set()
        case 74..<79: try cap()
        case 79..<82: try fence()
        case 82..<85: try count()
        case 85..<88: try move()
        case 88..<91: try open()
        case 91..<93: try beat()
        case 93..<94: try heartbeat()
        case 94: #expect(try control.distrust(partition) == model.distrust(partition))
        case 95: try draw(0...1) == 0 ? foreignEntry() : remove()
        case 96..<98: try unload()
        default: try sweep()
        }
    }

    func gate() throws {
        let questions = try coupons.shuffled(using: &random).prefix(draw(1...coupons.count)).map {
            GateQuestion(
                coupon: CouponID($0),
                requests: try (0..<draw(0...3)).map { _ in
                    request(
                        try pick(users), try pick(["a", "b"]),
                        notAfter: draw(0...19) == 0 ? 1 : 1 << 53)
                }, clearedAt: draw(0...2) == 0 ? 0 : Int64(draw(0...Int(keys.gate?.rev ?? 0))))
        }
        let call = GateCall(
            partition: partition, epoch: epoch,
            identity: RedisIdentity(
                runID: "run", replicationID: draw(0...39) == 0 ? "other" : model.replicationID),
            floor: (keys.gate?.tail ?? 0) + (draw(0...39) == 0 ? 1 : 0),
            questions: questions)
        let answer = try fixture.answer(call, by: control)
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
        var rejections: [Rejection] = []
        for entry in entries {
            for accepted in entry.acceptedRequests where draw(0...3) == 0 {
                let reason = try pick(RejectionReason.allCases)
                let other = AcceptedRequest(
                    coupon: accepted.coupon, user: accepted.user, sequence: 99, requestID: id("z"))
                rejections.append(
                    Rejection(
                        accepted: accepted, position: entry.position, reason: reason,
                        issued: reason == .alreadyIssued ? other : nil))
            }
        }
        let settlement = Settlement(
            partition: partition, epoch: epoch,
            identity: RedisIdentity(
                runID: "run", replicationID: draw(0...9) == 0 ? "other" : model.replicationID),
            from: from, to: to, issuedAt: now, isRecovery: draw(0...3) == 0,
            coupons: try Set(entries.flatMap { $0.coupons.map(\.coupon) }).sorted().map { id in
                SettledCoupon(
                    id: id, coupon: draw(0...5) == 0 ? nil : try committed(id.rawValue),
                    requests: Int64(
                        entries.flatMap(\.acceptedRequests).count { $0.coupon == id }))
            }, rejections: rejections)
        let view = try control.settle(settlement, thenReading: 3)
        #expect((view != nil) == model.settle(settlement, now: now))
        if let view {
            #expect(
                view == model.read(partition, after: to, upTo: nil, maximumRequests: 3, now: now))
        }
    }

    /// One of few, so that loads meet.
    var loadNumber: LoadNumber? {
        keys.gate?.isFenced == true && draw(0...9) > 0 ? nil : .init(draw(1...2))
    }

    func someHolders() throws -> [LoadedHolder] {
        try users.filter { _ in draw(0...3) == 0 }.map { user in
            holder(
                user, sequence: Int64(draw(1...9)),
                rejection: try pick([nil, nil, .soldOut, .deadLetter]))
        }
    }

    /// Mostly a whole load.
    func load() throws {
        let (id, number) = (CouponID(try pick(coupons)), loadNumber)
        if let number { try claim(id, number) }
        let holders = try someHolders()
        if !holders.isEmpty { try stage(id, holders, number) }
        try name(id, someHolders(), number)
    }

    func claim() throws { try claim(CouponID(try pick(coupons)), LoadNumber(draw(1...2))) }

    func claim(_ coupon: CouponID, _ number: LoadNumber) throws {
        let epoch = self.epoch
        try moveClaims()
        #expect(
            try control.claim(coupon, partition: partition, epoch: epoch, load: number)
                == model.claim(coupon, partition: partition, epoch: epoch, load: number, now: now))
    }

    /// Some claims have not moved for long, the others moved just now.
    func moveClaims() throws {
        for (key, staged) in keys.loads {
            guard let load = staged.load else { continue }
            let isOld = draw(0...2) == 0
            model[partition].loads[key]?.moved = isOld ? .zero : now
            let clock = try fixture.inspect().now.microseconds
            try fixture.age(
                Keys.claim(key.coupon, partition, key.epoch), load: load, moved: isOld ? 0 : clock)
        }
    }

    func stage() throws {
        let holders = try someHolders()
        if !holders.isEmpty { try stage(CouponID(try pick(coupons)), holders, loadNumber) }
    }

    func stage(_ coupon: CouponID, _ holders: [LoadedHolder], _ number: LoadNumber?) throws {
        let epoch = self.epoch
        #expect(
            try control.stage(
                holders, of: coupon, partition: partition, epoch: epoch, load: number)
                == model.stage(
                    holders, of: coupon, partition: partition, epoch: epoch, load: number, now: now)
        )
    }

    func name() throws { try name(CouponID(try pick(coupons)), someHolders(), loadNumber) }

    /// Mostly with the right number of holders.
    func name(_ id: CouponID, _ holders: [LoadedHolder], _ number: LoadNumber?) throws {
        let epoch = self.epoch
        let staged = keys.loads[ModelRedis.Key(epoch: epoch, coupon: id)]?.holders ?? [:]
        let all = Set(staged.keys).union(holders.map(\.user))
        var coupon = try committed(id.rawValue)
        coupon.lastSequence = 9
        let loaded = LoadedCoupon(
            marks: LoadMarks(coupon: coupon, held: Int64(draw(0...1))), holders: holders,
            staged: Int64(all.count - holders.count - (draw(0...5) == 0 ? 1 : 0)),
            isFilling: number != nil && draw(0...2) == 0)
        #expect(
            try control.load([loaded], partition: partition, epoch: epoch, load: number)
                == model.load([loaded], partition: partition, epoch: epoch, load: number, now: now))
    }

    func complete() throws {
        let (coupon, epoch, load) = (
            CouponID(try pick(coupons)), self.epoch, LoadNumber(draw(1...2))
        )
        #expect(
            try control.complete(coupon, partition: partition, epoch: epoch, load: load)
                == model.complete(coupon, partition: partition, epoch: epoch, load: load))
    }

    /// The decision on a letter of a holder, or of another request.
    func letter() throws {
        let (coupon, epoch) = (try committed(try pick(coupons)), self.epoch)
        let user = UserID(try pick(users))
        let holder = keys[epoch, coupon.id]?.holders[user]
        let letter = DeadLetter(
            id: 1,
            accepted: AcceptedRequest(
                coupon: coupon.id, user: user, sequence: holder?.sequence ?? 1,
                requestID: draw(0...5) == 0 ? id("z") : holder?.requestID ?? id("a")),
            position: .zero, error: "no", state: try pick([.redriven, .discarded]),
            createdAt: .zero)
        #expect(
            try control.apply(letter, of: coupon, partition: partition, epoch: epoch)
                == model.apply(letter, of: coupon, partition: partition, epoch: epoch, now: now))
    }

    func abandon() throws {
        let (coupon, epoch, load) = (
            CouponID(try pick(coupons)), self.epoch, LoadNumber(draw(1...2))
        )
        try control.abandon(coupon, partition: partition, epoch: epoch, load: load)
        model.abandon(coupon, partition: partition, epoch: epoch, load: load)
    }

    /// For some coupons the check whether they may go is due.
    func unload() throws {
        let (epoch, limit) = (self.epoch, draw(1...3))
        try moveClaims()
        for (key, at) in keys.visits where key.epoch == epoch && at != nil {
            let isDue = draw(0...1) == 0
            model[partition].visits[key] = isDue ? .zero : .init(microseconds: .max)
            try fixture.call(
                Command(
                    "ZADD", Keys.coupons(partition, epoch), "XX", isDue ? "0" : "9e15",
                    String(key.coupon.rawValue)))
        }
        #expect(
            try control.unload(partition, epoch: epoch, limit: limit)
                == model.unload(partition, epoch: epoch, limit: limit, now: now))
    }

    func set() throws {
        let (coupon, epoch) = (try committed(try pick(coupons)), self.epoch)
        #expect(
            try control.set(coupon, partition: partition, epoch: epoch)
                == model.set(coupon, partition: partition, epoch: epoch, now: now))
    }

    func remove() throws {
        let (coupon, epoch) = (CouponID(try pick(coupons)), self.epoch)
        #expect(
            try control.remove(coupon, version: versions, partition: partition, epoch: epoch)
                == model.remove(
                    coupon, version: versions, partition: partition, epoch: epoch, now: now))
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
}

@Suite struct ModelTests {
    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `the scripts and their model are the same`(_ seed: UInt64) async throws {
        let history = try await ModelHistory(seed: seed, retention: seed % 2 == 0 ? 3_600_000 : 0)
        for _ in 1...250 {
            try history.step()
            try history.check()
        }
    }
}
