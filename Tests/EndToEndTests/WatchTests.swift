import CouponClient
import CouponCore
import CouponWire
import NIOCore
import TestSupport
import TestWorld
import Testing

/// Services that follow what is committed.
@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct WatchTests {
    private func issued(_ events: [CouponEvent]) -> [UserID] {
        events.compactMap { if case .issued(let user, _, _, _) = $0.kind { user } else { nil } }
    }

    /// Reads all that is committed after a bookmark.
    private func readAll(
        _ client: CouponClient, _ start: EventQuestion.Start, of coupon: CouponID? = nil
    ) async throws -> EventPage {
        var question = EventQuestion(start, of: coupon, waitMilliseconds: 0)
        var all: [CouponEvent] = []
        var resets: [EventPage.Reset] = []
        while true {
            let page = try await client.events(question)
            all += page.events
            resets += page.resets
            question.start = .after(page.bookmark)
            if page.events.isEmpty, page.resets.isEmpty {
                return EventPage(events: all, bookmark: page.bookmark, resets: resets)
            }
        }
    }

    private func buy(
        _ daemon: Daemon, _ coupon: CouponID, _ users: ClosedRange<Int64>
    ) async throws {
        let ends = try await daemon.client.issue(
            IssueBatch(
                coupon: coupon, items: users.map { IssueBatch.Item(user: UserID($0)) },
                waitFor: .issued))
        #expect(ends.allSatisfy { if case .success = $0 { true } else { false } })
    }

    @Test
    func `a follower gets every issue once and in order, from any daemon and over restarts`()
        async throws
    {
        let world = try await World()
        let (first, second) = (try await world.daemon(), try await world.daemon())
        for id in [1, 2, 17] as [Int64] {
            _ = try await first.client.create(.offer(id, total: 1_000))
        }
        let start = try await first.client.events(EventQuestion(.now, waitMilliseconds: 0))
        #expect(start.events.isEmpty && start.resets.isEmpty)
        let sales = Task {
            for part in 0..<5 as Range<Int64> {
                for id in [1, 2, 17] as [CouponID] {
                    try await buy(part == 2 ? second : first, id, part * 200 + 1...part * 200 + 200)
                }
            }
        }
        // Another daemon answers each question, and it takes over while the sale goes on.
        var (events, place, turns) = ([CouponEvent](), start.bookmark, 0)
        try await eventually("all issues are read", within: .seconds(60)) {
            let client = turns.isMultiple(of: 2) ? second.client : first.client
            turns += 1
            let question = EventQuestion(.after(place), limit: 70, waitMilliseconds: 200)
            let page = try await client.events(question)
            #expect(page.resets.isEmpty && page.events.count <= 70)
            events += page.events
            place = page.bookmark
            return issued(events).count >= 3_000
        }
        try await sales.value
        #expect(issued(events).count == 3_000)
        #expect(Set(events.map(\.place)).count == events.count)
        for id in [1, 2, 17] as [CouponID] {
            let own = events.filter { $0.coupon == id }
            let sequences = own.compactMap { event -> Int64? in
                if case .issued(_, let sequence, _, _) = event.kind { sequence } else { nil }
            }
            #expect(sequences == Array(1...1_000), "in order, none missing, none twice")
            #expect(own.count { if case .soldOut = $0.kind { true } else { false } } == 1)
        }
        #expect(try await first.stop() == .code(0))
        try await buy(second, try await second.client.create(.offer(3, total: nil)).id, 1...3)
        let rest = try await readAll(second.client, .after(place))
        #expect(issued(rest.events) == [1, 2, 3])
        let whole = try await readAll(second.client, .oldest)
        #expect(issued(whole.events).count == 3_003 && whole.resets.isEmpty)
        #expect(try await second.stop() == .code(0))
    }

    @Test func `an event has what its row has, and other coupons' events stay out`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        // One partition.
        let (mine, other) = (CouponID(1), CouponID(17))
        _ = try await daemon.client.create(.offer(1, total: 5))
        _ = try await daemon.client.create(.offer(17, total: nil))
        let start = try await daemon.client.events(
            EventQuestion(.now, of: mine, waitMilliseconds: 0))
        let request = RequestID.random()
        try await buy(daemon, other, 1...50)
        guard
            case .issued(let sequence, let at) = try await daemon.ask(
                mine, 7, request, waitFor: .issued)
        else { throw Unexpected(what: "no issue") }
        _ = try await daemon.client.pause(mine)
        let page = try await readAll(daemon.client, .after(start.bookmark), of: mine)
        #expect(page.events.count == 2)
        let event = try #require(page.events.first)
        guard case .issued(7, sequence, request, let acceptedAt) = event.kind else {
            throw Unexpected(what: "\(event)")
        }
        #expect(event.coupon == mine && event.committedAt == at && acceptedAt <= at)
        #expect(page.events.last?.kind == .changed(version: 2))
        // A bookmark of one coupon is refused in a call for all coupons.
        let code = try await refusal {
            try await daemon.client.events(EventQuestion(.after(start.bookmark)))
        }
        #expect(code == .invalidArgument)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a rejected request is an event with its reason, and so is what an admin decides`()
        async throws
    {
        let world = try await World()
        let daemon = try await world.daemon()
        let coupon = try await daemon.client.create(.offer(1, total: 5)).id
        try world.sql(
            "ALTER TABLE coupond.coupon_issue ADD CONSTRAINT refuse CHECK (user_id <> 13)")
        let start = try await daemon.client.events(EventQuestion(.now, waitMilliseconds: 0))
        let request = RequestID.random()
        #expect(
            try await daemon.ask(coupon, 13, request, waitFor: .issued)
                == .rejected(sequence: 1, reason: .deadLetter))
        try await daemon.win(coupon, 14)
        let letter = try #require(try await daemon.client.deadLetters(of: coupon).first)
        _ = try await daemon.client.discard(letter.id)
        let page = try await readAll(daemon.client, .after(start.bookmark))
        #expect(issued(page.events) == [14])
        let kinds = page.events.map(\.kind)
        #expect(kinds.first == .rejected(13, sequence: 1, request, .deadLetter))
        #expect(kinds.last == .rejected(13, sequence: 1, request, .discarded))
        #expect(page.events.allSatisfy { $0.coupon == coupon } && kinds.count == 3)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a reader learns how many commits come after a full page`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        let coupon = try await daemon.client.create(.offer(1, total: nil)).id
        let start = try await daemon.client.events(EventQuestion(.now, waitMilliseconds: 0))
        // Each user waits for the commit of the issue, so each has a commit of its own.
        for user in 1...5 as ClosedRange<Int64> { try await daemon.win(coupon, user) }
        var (behind, users, place) = ([Int64](), [UserID](), start.bookmark)
        for _ in 1...3 {
            let page = try await daemon.client.events(
                EventQuestion(.after(place), limit: 2, waitMilliseconds: 0))
            behind.append(page.behind)
            users += issued(page.events)
            place = page.bookmark
        }
        #expect(behind == [3, 1, 0] && users == [1, 2, 3, 4, 5])
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a waiting call is answered at the next commit, or without events at its end`()
        async throws
    {
        let world = try await World()
        let (daemon, owner) = (try await world.daemon(), try await world.daemon())
        let coupon = try await daemon.client.create(.offer(5, total: nil)).id
        let start = try await daemon.client.events(EventQuestion(.now, waitMilliseconds: 0))
        async let page = daemon.client.events(EventQuestion(.after(start.bookmark)))
        try await owner.win(coupon, 3)
        #expect(issued(try await page.events) == [3])
        let end = try await readAll(daemon.client, .after(start.bookmark)).bookmark
        let empty = try await daemon.client.events(
            EventQuestion(.after(end), waitMilliseconds: 300))
        #expect(empty.events.isEmpty && empty.bookmark == end && empty.behind == 0)
        // The deadline of the request ends the wait before the daemon has to refuse it.
        try await eventually("a call is answered at its deadline") {
            try await daemon.client.events(
                EventQuestion(.after(end)), deadline: .milliseconds(400)
            ).events.isEmpty
        }
        #expect(try await owner.stop() == .code(0))
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a stopping daemon answers waiting calls, and callers go on elsewhere`() async throws
    {
        let world = try await World()
        let (daemon, other) = (try await world.daemon(), try await world.daemon())
        let coupon = try await daemon.client.create(.offer(5, total: nil)).id
        let client = CouponClient(
            addresses: [daemon.client.address, other.client.address], configuration: .patient)
        let follower = Task {
            var users: [UserID] = []
            for try await page in client.events(from: .oldest, of: coupon) {
                users += issued(page.events)
                if users.count == 2 { break }
            }
            return users
        }
        try await daemon.win(coupon, 1)
        #expect(try await daemon.stop() == .code(0))
        try await other.win(coupon, 2)
        #expect(try await follower.value == [1, 2])
        await client.close()
        #expect(try await other.stop() == .code(0))
    }

    @Test func `a connection may have four watches waiting at once`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        let coupon = try await daemon.offer(total: nil)
        let codes = try await withThrowingTaskGroup(of: StatusCode?.self) { tasks in
            for _ in 0..<6 {
                tasks.addTask {
                    try await refusal { try await daemon.client.events(EventQuestion(.now)) }
                }
            }
            var codes: [StatusCode?] = []
            for try await code in tasks {
                codes.append(code)
                // What waits is answered once something has happened.
                if codes.count == 2 { try await daemon.win(coupon, 1) }
            }
            return codes
        }
        #expect(codes.count { $0 == .resourceExhausted } == 2 && codes.count { $0 == nil } == 4)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `old events are deleted, and a caller that is too late gets a reset`() async throws {
        let world = try await World()
        let daemon = try await world.daemon(["--event-retention", "1m"])
        let coupon = try await daemon.client.create(.offer(1, total: nil)).id
        let start = try await daemon.client.events(
            EventQuestion(.now, of: coupon, waitMilliseconds: 0))
        for user in 1...3 as ClosedRange<Int64> { try await daemon.win(coupon, user) }
        // The last commit stays new, so the one before it is kept.
        try world.sql(
            """
            UPDATE coupond.commit_log SET committed_at = now() - interval '1 hour'
            WHERE number < (SELECT max(number) FROM coupond.commit_log)
            """)
        try await eventually("old commits are deleted") {
            try world.sql("SELECT count(*) FROM coupond.commit_log") == "2"
        }
        let page = try await readAll(daemon.client, .after(start.bookmark), of: coupon)
        #expect(page.resets.map(\.reason) == [.expired])
        #expect(issued(page.events) == [2, 3])
        try await daemon.win(coupon, 4)
        let rest = try await readAll(daemon.client, .after(page.bookmark), of: coupon)
        #expect(issued(rest.events) == [4] && rest.resets.isEmpty)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `couponctl prints events and goes on where it ended`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        let coupon = try await daemon.client.create(.offer(1, total: 2)).id
        try await daemon.win(coupon, 8)
        let file = world.folder.file("bookmark")
        func follow(_ arguments: String...) async throws -> CommandRun {
            try await CommandRun(
                builtExecutable("couponctl"),
                ["watch", "--events", "--looks", "1", "--bookmark-file", file] + arguments
                    + ["--address", "127.0.0.1:\(daemon.port)"])
        }
        let first = try await follow("--from-oldest")
        #expect(first.end == .code(0))
        #expect(first.text.contains(#"{"event":"ISSUED","coupon":1,"user":8,"#), "\(first)")
        #expect(first.text.contains(#"{"bookmark":"01"#))
        try await daemon.win(coupon, 9)
        let second = try await follow()
        #expect(!second.text.contains(#""user":8"#), "\(second)")
        #expect(second.text.contains(#""user":9"#), "\(second)")
        #expect(second.text.contains(#"{"event":"SOLD_OUT","coupon":1,"version":2,"#))
        #expect(try await daemon.stop() == .code(0))
    }
}
