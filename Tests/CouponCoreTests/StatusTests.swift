/// Statuses: many questions at once, each answered by what gate and tables know (rule 37).
import CouponCore
import CoreTestKit
import Testing

private let partition = PartitionID(0)
private let other = CouponID(2)

@Suite struct StatusTests: KeeperSuite {
    let fixture = KeeperFixture()

    /// Two coupons at the gate: user 1 is issued, and 2 queued.
    init() {
        for id in [sale, other] {
            world.tables.coupons[id] = .sample(id, total: 10, issued: 1)
        }
        world.tables.issues[sale] = [
            UserID(1): ModelTables.Issue(sequence: 1, requestID: name(1), at: clock.wallNow)
        ]
        for id in [sale, other] {
            var load = CouponLoad(of: id, number: 1)
            while case .moved = load.advance(keeper) {}
        }
        let queued = GateHolder(
            sequence: 2, position: Position(epoch: 1, n: 1), requestID: name(2), rejection: nil)
        world.redis[partition].coupons[key]?.holders[UserID(2)] = queued
        world.redis[partition].coupons[key]?.queued = 1
        world.redis[partition].coupons[key]?.nextSequence = 3
        world.redis[partition].gate?.tail = 1
    }

    private let key = ModelRedis.Key(epoch: 1, coupon: sale)

    private func statuses(
        _ questions: (user: Int64?, coupon: CouponID)...
    ) -> [Result<CouponStatus, Failure>] {
        keeper.statuses(
            questions.map { StatusQuestion(coupon: $0.coupon, user: $0.user.map { UserID($0) }) })
    }

    private func users(_ statuses: [Result<CouponStatus, Failure>]) -> [UserStatus?] {
        statuses.map { (try? $0.get())?.user }
    }

    private var issued: UserStatus { .issued(sequence: 1, at: clock.wallNow) }

    @Test func `each question of a batch gets its own answer, in order`() throws {
        let answers = statuses((3, sale), (1, sale), (2, other), (nil, sale), (2, sale), (1, sale))
        #expect(
            users(answers)
                == [
                    UserStatus.none, issued, UserStatus.none, UserStatus.none,
                    .queued(sequence: 2), issued,
                ])
        let status = try answers[3].get()
        #expect(status.coupon.id == sale && status.accepted == 2 && status.queued == 1)
        #expect(try answers[2].get().coupon.id == other)
        #expect(keeper.statuses([]).isEmpty)
    }

    @Test func `a queued user learns how many are before, and about when it is decided`() throws {
        world.redis[partition].coupons[key]?.queued = 4
        world.redis[partition].coupons[key]?.nextSequence = 5
        let asking = CouponKeeper(
            store: store, gates: ModelGates(world), partitioning: world.partitioning,
            clocks: clock.clocks,
            waitingTime: { position, partition, settled, _ in
                partition == PartitionID(0) ? position.n * 1_000 + settled.n : nil
            }, forget: { _ in }, failed: { _ in })
        let queued = try asking.status(of: sale, user: UserID(2))
        #expect(queued.place == QueuePlace(ahead: 1, milliseconds: 1_000))
        world.redis[partition].coupons[key]?.queued = 1
        #expect(
            try keeper.status(of: sale, user: UserID(2)).place
                == QueuePlace(ahead: 0, milliseconds: nil))
        #expect(try keeper.status(of: sale, user: UserID(1)).place == nil)
        #expect(try keeper.status(of: sale, user: nil).place == nil)
    }

    @Test func `after a batch that took PostgreSQL too long the next one is half as large`() {
        let many = (1...400).map { StatusQuestion(coupon: sale, user: UserID($0)) }
        #expect(keeper.statusesAtOnce == Limits.statusesPerBatch)
        store.before = { _ throws(BackendError) in throw .postgres(.tooSlow("statement timeout")) }
        #expect(keeper.statuses(many).allSatisfy { (try? $0.get()) == nil })
        #expect(keeper.statusesAtOnce == 200)
        _ = keeper.statuses([many[0]])
        #expect(keeper.statusesAtOnce == 1, "and not less than one")
        store.before = { _ in }
        for _ in 1...100 { _ = keeper.statuses([many[0]]) }
        #expect(keeper.statusesAtOnce == Limits.statusesPerBatch)
    }

    @Test func `a coupon that does not exist costs only its own question`() throws {
        let answers = statuses((1, CouponID(9)), (1, sale))
        #expect(throws: Failure.noCoupon(CouponID(9))) { try answers[0].get() }
        #expect(users(answers) == [nil, issued])
    }

    @Test func `a row that cannot be read costs only its own questions`() throws {
        store.damaged = [other]
        #expect(users(statuses((1, other), (1, sale), (nil, other))) == [nil, issued, nil])
    }

    @Test(arguments: [
        RedisIdentity(runID: "run", replicationID: "later"),
        RedisIdentity(runID: "another", replicationID: "history"),
    ])
    func `only the gate that PostgreSQL knows says that a user has nothing`(
        _ identity: RedisIdentity
    ) {
        world.identity = identity
        #expect(
            users(statuses((3, sale), (1, sale), (2, sale)))
                == [nil, issued, .queued(sequence: 2)])
        world.identity = RedisIdentity(runID: "run", replicationID: "history")
        _ = world.tables.raiseEpoch(of: partition, above: 1, node: world.node)
        #expect(users(statuses((3, sale), (nil, sale))) == [nil, UserStatus.none])
    }

    @Test func `a request that is rejected while PostgreSQL answers is not overlooked`() throws {
        let cursor = Position(epoch: 1, n: 1)
        store.between = { [world, key] in
            world.tables.partitions[0] = world.tables.partitions[0].withCursor(cursor)
            world.tables.rejections.append(
                Rejection(
                    accepted: AcceptedRequest(
                        coupon: sale, user: UserID(2), sequence: 2, requestID: name(2)),
                    position: cursor, reason: .soldOut, issued: nil))
            world.redis[partition].coupons[key]?.holders[UserID(2)] = nil
            world.redis[partition].gate?.settled = cursor
        }
        #expect(
            users(statuses((2, sale), (1, sale)))
                == [.rejected(sequence: 2, reason: .soldOut), issued])
    }

    @Test func `a status needs PostgreSQL, and without Redis it says what PostgreSQL knows`() {
        world.empty()
        #expect(
            users(statuses((1, sale), (2, sale), (nil, sale))) == [issued, nil, UserStatus.none])
        store.before = { _ throws(BackendError) in throw .postgres(.sessionLost("away")) }
        #expect(users(statuses((1, sale), (nil, sale))) == [nil, nil])
    }
}
