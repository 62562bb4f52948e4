/// An admin's change takes effect at once, in every daemon.
import CouponClient
import CouponCore
import CouponWire
import TestSupport
import TestWorld
import Testing

extension DaemonTests {
    @Suite struct AdminTests {
        @Test func `creating an existing id is ALREADY_EXISTS in every daemon`() async throws {
            let (one, other) = (try SharedWorld.current.one, try SharedWorld.current.other)
            let coupon = try await one.client.coupon(try await one.offer(total: 1))
            for daemon in [one, other] {
                #expect(
                    try await refusal { try await daemon.client.create(coupon) } == .alreadyExists)
            }
            #expect(try await other.client.coupon(coupon.id) == coupon)
        }

        @Test func `a coupon without a closing time never closes`() async throws {
            let daemon = try SharedWorld.current.one
            let id = CouponID(try await daemon.offer(total: 1).rawValue + 400_000_000)
            let window = Window(opens: .now(plus: -60))
            let coupon = Coupon(id: id, title: "for good", total: 2, window: window)
            #expect(try await daemon.client.create(coupon).window == window)
            #expect(try await daemon.client.coupon(id).window.closes == .never)
            try await daemon.win(id, 1)
            let soon = Timestamp.now(plus: 3_600)
            #expect(
                try await daemon.client.update(id, CouponChange(closes: soon)).window.closes == soon
            )
        }

        @Test func `a list continues after the last id of a page`() async throws {
            let daemon = try SharedWorld.current.one
            var made: Set<CouponID> = []
            for _ in 1...5 { made.insert(try await daemon.offer(total: 1)) }
            var (listed, last) = (Set<CouponID>(), CouponID(0))
            while true {
                let page = try await daemon.client.coupons(after: last, limit: 2).map(\.id)
                guard let end = page.last else { break }
                #expect(page == page.sorted() && page.count <= 2)
                listed.formUnion(page)
                last = end
            }
            #expect(made.isSubset(of: listed))
        }

        @Test func `issues are listed page by page, each user once`() async throws {
            let daemon = try SharedWorld.current.one
            let coupon = try await daemon.offer(total: 7)
            #expect(try await daemon.client.issues(of: coupon).isEmpty)
            for user: Int64 in [30, 10, 50, 20, 40] { try await daemon.win(coupon, user) }
            var (listed, last): ([CouponCore.Issue], UserID) = ([], UserID(0))
            while case let page = try await daemon.client.issues(of: coupon, after: last, limit: 2),
                let end = page.last
            {
                #expect(page.count <= 2)
                listed += page
                last = end.user
            }
            #expect(listed.map(\.user.rawValue) == [10, 20, 30, 40, 50])
            #expect(listed.map(\.sequence) == [2, 4, 1, 5, 3])
            let nowhere = CouponID(coupon.rawValue + 1_000_000_000)
            #expect(
                try await refusal { try await daemon.client.issues(of: nowhere) } == .notFound)
        }

        @Test func `pause, resume and close take effect at once in both daemons`() async throws {
            let (one, other) = (try SharedWorld.current.one, try SharedWorld.current.other)
            let coupon = try await one.offer(total: 100)
            try await one.win(coupon, 1)
            try await other.win(coupon, 2)
            #expect(try await one.client.pause(coupon).state == .paused)
            #expect(try await other.ask(coupon, 3) == .paused)
            #expect(try await one.ask(coupon, 4) == .paused)
            #expect(try await other.client.resume(coupon).state == .active)
            try await one.winSoon(coupon, 5)
            try await other.winSoon(coupon, 6)
            #expect(try await other.client.close(coupon).state == .closed)
            #expect(try await one.ask(coupon, 7) == .closed)
            #expect(try await other.ask(coupon, 8) == .closed)
            // A holder still gets DUPLICATE, whatever the coupon's state.
            #expect(
                try await one.ask(coupon, 1, .random(), attempt: 1)
                    == .duplicate(sequence: 1, state: .issued))
            #expect(
                try await refusal { try await one.client.resume(coupon) } == .failedPrecondition)
            #expect(
                try await refusal { try await other.client.pause(coupon) } == .failedPrecondition)
        }

        @Test func `raising the total reopens a sold-out coupon in both daemons`() async throws {
            let (one, other) = (try SharedWorld.current.one, try SharedWorld.current.other)
            let coupon = try await one.offer(total: 1)
            try await one.win(coupon, 1)
            for daemon in [one, other] {
                try await eventually("it bounces") {
                    guard try await daemon.ask(coupon, 2) == .soldOut else { return false }
                    return try await daemon.client.audit(coupon).workersClosed > 0
                }
            }
            let raised = try await one.client.update(coupon, CouponChange(total: 3))
            #expect(raised.total == 3 && raised.remaining == 2)
            try await one.winSoon(coupon, 3)
            try await other.winSoon(coupon, 4)
            #expect(try await one.ask(coupon, 5) == .soldOut)
            #expect(try await other.ask(coupon, 6) == .soldOut)
        }

        @Test func `a total below what is accepted is refused, and the error names the figure`()
            async throws
        {
            let (one, other) = (try SharedWorld.current.one, try SharedWorld.current.other)
            let coupon = try await one.offer(total: 10)
            for user in 1...4 { try await one.win(coupon, Int64(user)) }
            let failure = await #expect(throws: ClientError.self) {
                try await other.client.update(coupon, CouponChange(total: 3))
            }
            guard case .refused(let refusal) = failure else { return }
            #expect(refusal.code == .failedPrecondition)
            #expect(refusal.message.contains("4 are"))
            #expect(try await one.client.coupon(coupon).total == 10)
            // The refused change left no cap: the gate still has room for ten.
            for user in 5...10 { try await one.win(coupon, Int64(user)) }
            #expect(try await one.ask(coupon, 11) == .soldOut)
        }

        @Test func `lowering and raising a total leaves no cap below it`() async throws {
            let (one, other) = (try SharedWorld.current.one, try SharedWorld.current.other)
            let coupon = try await one.offer(total: 10)
            for user in 1...4 { try await one.win(coupon, Int64(user)) }
            #expect(try await other.client.update(coupon, CouponChange(total: 5)).total == 5)
            // If the outbox was read at the same time, a cap at the total is left, which has no effect.
            let gate = try #require(try await one.client.audit(coupon).gate)
            #expect((gate.cap ?? 5) >= 5)
            #expect(try await one.win(coupon, 5) == 5)
            #expect(try await one.ask(coupon, 6) == .soldOut)
            #expect(try await other.ask(coupon, 6) == .soldOut)
            #expect(try await one.client.update(coupon, CouponChange(total: 7)).total == 7)
            try await other.winSoon(coupon, 6)
            try await one.winSoon(coupon, 7)
            #expect(try await other.ask(coupon, 8) == .soldOut)
            let unlimited = try await one.client.update(coupon, CouponChange(total: .some(nil)))
            #expect(unlimited.total == nil)
            for user in 8...20 { try await other.winSoon(coupon, Int64(user)) }
            let audit = try await one.client.audit(coupon)
            #expect(audit.gate?.used == 20 && audit.accounts.rows?.count == 20)
        }

        @Test func `a moved window takes effect in both daemons`() async throws {
            let (one, other) = (try SharedWorld.current.one, try SharedWorld.current.other)
            let coupon = try await one.offer(total: 10, opensIn: 600)
            guard case .notOpen = try await one.ask(coupon, 1) else {
                throw Unexpected(what: "open")
            }
            guard case .notOpen = try await other.ask(coupon, 1) else {
                throw Unexpected(what: "open")
            }
            _ = try await other.client.update(coupon, CouponChange(opens: .now(plus: -1)))
            try await one.winSoon(coupon, 1)
            try await other.winSoon(coupon, 2)
            _ = try await one.client.update(coupon, CouponChange(closes: .now(plus: -0.1)))
            #expect(try await one.ask(coupon, 3) == .ended)
            #expect(try await other.ask(coupon, 3) == .ended)
        }
    }
}
