import CouponCore
import CouponPostgres
import TestSupport
import Testing

@Suite struct StoreTests {
    @Test func keepsCouponsAsTheyAre() async throws {
        let store = try await TestDatabase().store()
        let unlimited = Coupon(
            id: CouponID(.max), title: "Größe ∞", total: nil,
            window: Window(
                opens: Timestamp(microseconds: 1), closes: Timestamp(microseconds: .max)),
            state: .paused, version: 3)
        #expect(try store.create(.sample(1)))
        #expect(try store.create(unlimited))
        #expect(try !store.create(.sample(1, total: 7)))
        #expect(try store.coupon(CouponID(1)) == .sample(1))
        #expect(try store.coupon(CouponID(2)) == nil)
        #expect(
            try store.existing(among: [CouponID(2), CouponID(.max), CouponID(1), CouponID(1)])
                == [CouponID(1), CouponID(.max)])
        #expect(try store.existing(among: []) == [])
        #expect(try store.coupons(after: CouponID(0), limit: 9) == [.sample(1), unlimited])
        #expect(try store.coupons(after: CouponID(0), limit: 1) == [.sample(1)])
        #expect(try store.coupons(after: CouponID(1), limit: 9) == [unlimited])
        #expect(throws: LedgerError.self) { try store.create(.sample(3, total: 0)) }
        #expect(try store.coupon(CouponID(3)) == nil)
    }

    @Test func listsIssuesByUserPageByPage() async throws {
        let database = try await TestDatabase()
        try database.coupon()
        try database.coupon(8)
        _ = try database.ledger().issue(
            batch(
                entry(1, first: 1, users: [9, 5, .max, 7]),
                entry(2, coupon: 8, first: 1, users: [6])))
        let store = database.store()
        let page = try store.issues(of: CouponID(4), after: UserID(0), limit: 3)
        #expect(page.map(\.user.rawValue) == [5, 7, 9] && page.map(\.sequence) == [2, 4, 1])
        #expect(page.map(\.requestID) == [id(5), id(7), id(9)])
        let accepted = Timestamp(microseconds: 1_700_000_000_123_456)
        #expect(page.allSatisfy { $0.acceptedAt == accepted && $0.issuedAt > accepted })
        #expect(
            try store.issues(of: CouponID(4), after: UserID(9), limit: 3).map(\.user)
                == [UserID(.max)])
        #expect(try store.issues(of: CouponID(4), after: UserID(.max), limit: 3).isEmpty)
        #expect(try store.issues(of: CouponID(12), after: UserID(0), limit: 3).isEmpty)
    }

    @Test func decidesByRequest() async throws {
        let database = try await TestDatabase()
        try database.coupon(total: 2)
        _ = try database.ledger().issue(batch(entry(1, first: 1, users: [1, 2, 3])))
        func question(_ user: Int64, _ sequence: Int64, _ request: RequestID) -> Holding {
            Holding(
                coupon: CouponID(4), user: UserID(user), sequence: sequence, requestID: request)
        }
        let store = database.store()
        let found = try store.decisions(
            [
                question(3, 3, id(3)), question(1, 1, id(1)), question(2, 9, id(99)),
                question(3, 4, id(3)), question(3, 3, id(99)), question(5, 5, id(5)),
            ], in: partition)
        #expect(found.cursor == Position(epoch: 1, n: 1))
        guard case .issued(1, id(1), let at) = found.standings[1] else {
            Testing.Issue.record("\(found.standings)")
            return
        }
        #expect(
            found.standings == [
                .rejected(sequence: 3, requestID: id(3), reason: .soldOut),
                .issued(sequence: 1, requestID: id(1), at: at),
                .issued(sequence: 2, requestID: id(2), at: at), nil, nil, nil,
            ])
        #expect(try store.decisions([], in: partition).cursor == found.cursor)
        #expect(try store.standing(of: UserID(1), for: CouponID(4)) == found.standings[1])
        #expect(try store.standing(of: UserID(3), for: CouponID(4)) == found.standings[0])
        #expect(try store.standing(of: UserID(5), for: CouponID(4)) == nil)
    }

    @Test func loadsAllWhomTheGateMustKnow() async throws {
        let database = try await TestDatabase()
        try database.coupon(total: 12_000)
        try database.trigger(
            "IF NEW.user_id = 13 THEN RAISE EXCEPTION 'no' USING ERRCODE = '23514'; END IF;")
        let ledger = database.ledger()
        _ = try ledger.issue(batch(entry(1, first: 1, users: 1...12_000)))
        _ = try ledger.issue(batch(entry(2, first: 12_001, users: 20_000...20_003), from: 1))
        // The same user again, later; and one who holds the coupon.
        _ = try ledger.issue(batch(entry(3, first: 12_005, users: [20_002, 1]), from: 2))
        let loaded = try #require(try ledger.load(CouponID(4)))
        #expect(loaded.coupon.issued == 12_000 && loaded.used == 12_001 && loaded.queued == 0)
        #expect(loaded.nextSequence == 12_007)
        let holders = Dictionary(grouping: loaded.holders, by: \.user).mapValues {
            $0.map(\.holder)
        }
        #expect(holders.values.allSatisfy { $0.count == 1 })
        #expect(holders.count == 12_004)
        func holder(_ sequence: Int64, _ user: Int64, _ rejection: RejectionReason?) -> [GateHolder]
        {
            [
                GateHolder(
                    sequence: sequence, position: .zero, requestID: id(user), rejection: rejection)
            ]
        }
        #expect(holders[UserID(1)] == holder(1, 1, nil))
        #expect(holders[UserID(13)] == holder(13, 13, .deadLetter))
        #expect(holders[UserID(20_000)] == holder(12_001, 20_000, nil))
        #expect(holders[UserID(20_002)] == holder(12_005, 20_002, .soldOut))
        #expect(try database.store().load(CouponID(4))?.used == 12_001)
        #expect(try database.store().load(CouponID(8)) == nil)
    }
}
