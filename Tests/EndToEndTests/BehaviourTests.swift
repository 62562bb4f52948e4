/// Who gets a coupon, and which answers the others get.
import CouponClient
import CouponCore
import CouponWire
import NIOCore
import Testing
import TestSupport
import TestWorld

extension DaemonTests {
    @Suite struct BehaviourTests {
        @Test func `a coupon that does not exist is NOT_FOUND`() async throws {
            let (daemon, missing) = (try SharedWorld.current.one, CouponID(4_000_000_000))
            #expect(try await daemon.ask(missing, 1) == .notFound)
            #expect(try await daemon.ask(missing, 1, attempt: 1) == .notFound)
            let failure = await #expect(throws: ClientError.self) {
                try await daemon.client.status(of: missing)
            }
            guard case .refused(let refusal) = failure else { return }
            #expect(refusal.code == .notFound)
        }

        @Test func `a daemon finds a coupon that it creates after answering NOT_FOUND`()
            async throws
        {
            let daemon = try SharedWorld.current.one
            let coupon = Coupon.offer(3_999_999, total: 1)
            #expect(try await daemon.ask(coupon.id, 1) == .notFound)
            _ = try await daemon.client.create(coupon)
            #expect(try await daemon.ask(coupon.id, 1) == .accepted(sequence: 1))
        }

        @Test func `NOT_OPEN says when the window opens, and it opens then`()
            async throws
        {
            let (one, other) = (try SharedWorld.current.one, try SharedWorld.current.other)
            let coupon = try await one.offer(total: 1, opensIn: 600)
            let opens = try await one.client.coupon(coupon).window.opens
            #expect(try await one.ask(coupon, 1) == .notOpen(opens: opens))
            #expect(try await other.ask(coupon, 1) == .notOpen(opens: opens))
            let sooner = Timestamp.now(plus: 1.5)
            _ = try await one.client.update(coupon, CouponChange(opens: sooner))
            try await eventually("the window opens") {
                try await one.ask(coupon, 1) == .accepted(sequence: 1)
            }
            #expect(Timestamp.now(plus: 0) >= sooner)
            #expect(try await other.ask(coupon, 2) == .soldOut)
        }

        @Test func `after the window users get ENDED and holders keep their coupon`() async throws {
            let (one, other) = (try SharedWorld.current.one, try SharedWorld.current.other)
            let (coupon, name) = (try await one.offer(total: nil), RequestID.random())
            #expect(try await one.ask(coupon, 1, name) == .accepted(sequence: 1))
            let closes = Timestamp.now(plus: 0.5)
            _ = try await other.client.update(coupon, CouponChange(closes: closes))
            var user: Int64 = 1
            try await eventually("the window ends") {
                user += 1
                return try await one.ask(coupon, user) == .ended
            }
            #expect(Timestamp.now(plus: 0) >= closes)
            #expect(try await other.ask(coupon, user) == .ended)
            try await eventually("user 1 has it") { try await other.holds(coupon, 1) }
            #expect(try await one.ask(coupon, 1, name, attempt: 1) == .accepted(sequence: 1))
        }

        @Test func `the window is [opens, closes), by the gate's clock`() async throws {
            let (world, one) = (try SharedWorld.current.world, try SharedWorld.current.one)
            let coupon = try await one.offer(total: nil, opensIn: 600)
            var (user, seen): (Int64, [String]) = (0, ["notOpen"])
            guard case .notOpen = try await one.ask(coupon, 1) else {
                throw Unexpected(what: "it is open")
            }
            func ask(until end: String) async throws {
                try await eventually("users get \(end)") {
                    user += 1
                    let outcome = try await one.ask(coupon, user)
                    let word = String(String(describing: outcome).prefix { $0.isLetter })
                    if seen.last != word { seen.append(word) }
                    return word == end
                }
            }
            _ = try await one.client.update(coupon, CouponChange(opens: .now(plus: 0.5)))
            try await ask(until: "accepted")
            _ = try await one.client.update(coupon, CouponChange(closes: .now(plus: 1)))
            try await ask(until: "ended")
            #expect(seen == ["notOpen", "accepted", "ended"])
            try await eventually("all are issued") {
                try await one.client.status(of: coupon).queued == 0
            }
            let inside = try world.sql(
                """
                SELECT min(accepted_at) >= opens_at, max(accepted_at) < closes_at
                FROM coupond.coupon_issue JOIN coupond.coupon ON id = coupon_id
                WHERE id = \(coupon.rawValue) GROUP BY opens_at, closes_at
                """)
            #expect(inside == "t|t")
        }

        @Test func `another request of a user gets DUPLICATE with the first one's sequence`()
            async throws
        {
            let (one, other) = (try SharedWorld.current.one, try SharedWorld.current.other)
            let coupon = try await one.offer(total: 10)
            #expect(try await one.win(coupon, 7) == 1)
            #expect(try await one.win(coupon, 8) == 2)
            for daemon in [one, other] {
                try await eventually("the event has settled the queue") {
                    try await daemon.ask(coupon, 8) == .duplicate(sequence: 2, state: .issued)
                }
                #expect(
                    try await daemon.ask(coupon, 7, .random(), waitFor: .issued)
                        == .duplicate(sequence: 1, state: .issued))
            }
        }

        @Test func `the same request gets the same answer on every connection and daemon`()
            async throws
        {
            let (one, other) = (try SharedWorld.current.one, try SharedWorld.current.other)
            let (coupon, name) = (try await one.offer(total: 10), RequestID.random())
            _ = try await one.ask(coupon, 1)
            let first = try await one.ask(coupon, 2, name, waitFor: .issued)
            guard case .issued(sequence: 2, let moment) = first else {
                throw Unexpected(what: "\(first)")
            }
            #expect(try await one.ask(coupon, 2, name) == .accepted(sequence: 2))
            #expect(try await other.ask(coupon, 2, name, attempt: 1) == .accepted(sequence: 2))
            #expect(try await other.ask(coupon, 2, name, waitFor: .issued, attempt: 2) == first)
            #expect(try await other.status(coupon, 2) == .issued(sequence: 2, at: moment))
        }

        @Test func `exactly the total is issued to many users on many connections`() async throws {
            let (world, daemons) = (
                try SharedWorld.current.world,
                [try SharedWorld.current.one, try SharedWorld.current.other]
            )
            let coupon = try await daemons[0].offer(total: 200)
            let winners = try await withThrowingTaskGroup(of: [Int64: Int64].self) { group in
                for connection in 0..<16 {
                    let port = daemons[connection % 2].port
                    group.addTask { try await sequences(coupon, users: 1...60, port: port) }
                }
                return try await group.reduce(into: [Int64: Int64]()) { all, some in
                    // A user may win by one request only.
                    all.merge(some) { first, second in first == second ? first : -1 }
                }
            }
            #expect(winners.values.sorted() == Array(1...60))

            let full = try await daemons[1].offer(total: 200)
            let outcomes = try await withThrowingTaskGroup(of: [Int64: Int64].self) { group in
                for connection in Int64(0)..<10 {
                    let port = daemons[Int(connection) % 2].port
                    let users = connection * 50 + 1...connection * 50 + 50
                    group.addTask { try await sequences(full, users: users, port: port) }
                }
                return try await group.reduce(into: [Int64: Int64]()) { all, some in
                    all.merge(some) { _, _ in -1 }
                }
            }
            #expect(outcomes.values.sorted() == Array(1...200))
            try await eventually("all are issued") {
                try await daemons[0].client.coupon(full).issued == 200
            }
            // First in, first out: the rows are in the gate's order.
            let rows = try world.sql(
                """
                SELECT user_id, sequence FROM coupond.coupon_issue
                WHERE coupon_id = \(full.rawValue) ORDER BY sequence
                """)
            let expected = outcomes.sorted { $0.value < $1.value }.map { "\($0.key)|\($0.value)" }
            #expect(rows == expected.joined(separator: "\n"))
        }

        @Test func `a coupon without a total never sells out`() async throws {
            let daemon = try SharedWorld.current.one
            let coupon = try await daemon.offer(total: nil)
            let port = daemon.port
            let winners = try await sequences(coupon, users: 1...500, port: port)
            #expect(winners.values.sorted() == Array(1...500))
            try await eventually("all are issued") {
                try await daemon.client.coupon(coupon).issued == 500
            }
            let status = try await daemon.client.status(of: coupon)
            #expect(status.coupon.total == nil && status.coupon.remaining == nil)
            #expect(status.accepted == 500 && status.queued == 0)
        }

        @Test func `requests answered one after the other are issued in that order`() async throws {
            let (world, one, other) = (
                try SharedWorld.current.world, try SharedWorld.current.one,
                try SharedWorld.current.other
            )
            let coupon = try await one.offer(total: nil)
            let users = (1...40).map { Int64($0) }.shuffled()
            for (index, user) in users.enumerated() {
                let outcome = try await (index.isMultiple(of: 2) ? one : other).ask(coupon, user)
                #expect(outcome == .accepted(sequence: Int64(index + 1)))
            }
            try await eventually("all are issued") {
                try await one.client.coupon(coupon).issued == 40
            }
            let rows = try world.sql(
                """
                SELECT user_id FROM coupond.coupon_issue
                WHERE coupon_id = \(coupon.rawValue) ORDER BY sequence
                """)
            #expect(rows == users.map(String.init).joined(separator: "\n"))
        }
    }
}

/// Asks for all these users at once, over one connection.
/// - Returns: the sequence of each accepted user.
private func sequences(
    _ coupon: CouponID, users: ClosedRange<Int64>, port: Int
) async throws -> [Int64: Int64] {
    let client = CouponClient(
        address: ServerAddress(host: "127.0.0.1", port: port), configuration: .patient)
    let winners = try await withThrowingTaskGroup(of: (Int64, Int64)?.self) { group in
        for user in users {
            group.addTask {
                let outcome = try await client.issue(
                    IssueRequest(coupon: coupon, user: UserID(user)), deadline: .seconds(20))
                switch outcome {
                case .accepted(let sequence): return (user, sequence)
                case .duplicate(let sequence, _): return (user, sequence)
                case .soldOut: return nil
                default: throw Unexpected(what: "user \(user) got \(outcome)")
                }
            }
        }
        return try await group.reduce(into: [Int64: Int64]()) { winners, winner in
            if let winner { winners[winner.0] = winner.1 }
        }
    }
    await client.close()
    return winners
}
