/// The commit log: each transaction that issues, rejects or changes something adds one row, in the order of
/// the commits.
import CouponCore
import TestSupport
import Testing

@testable import CouponPostgres

@Suite struct CommitLogTests {
    private func log(
        _ store: PostgresCouponStore, from place: LogPlace = .start, commits: Int = 100,
        events: Int = 1_000
    ) throws -> [LoggedCommit] {
        try store.commits(from: [partition: place], commits: commits, events: events)
    }

    private func rejected(_ user: Int64, _ sequence: Int64, _ reason: RejectionReason)
        -> CouponEvent.Kind
    {
        .rejected(UserID(user), sequence: sequence, id(user), reason)
    }

    @Test func `a batch has one row, with its issues, its rejections and what is sold out`()
        async throws
    {
        let database = try await TestDatabase()
        try database.coupon(4, total: 3)
        try database.coupon(8, total: nil)
        let (ledger, store) = (database.ledger(), database.store())
        let first = try ledger.issue(
            batch(
                entry(1, coupon: 8, first: 1, users: [5]),
                entry(2, coupon: 4, first: 1, users: [9, 7, 8, 6])))
        _ = try ledger.issue(batch(entry(3, coupon: 8, first: 2, users: [6]), from: 2))
        let rows = try log(store)
        #expect(rows.map(\.number) == [1, 2])
        #expect(rows[0].committedAt == first.issuedAt)
        #expect(rows[0].from == Position(epoch: 1, n: 0) && rows[0].to == Position(epoch: 1, n: 2))
        #expect(rows[1].from == rows[0].to)
        #expect(rows[0].runs.map(\.coupon.rawValue) == [8, 4])
        #expect(rows[0].runs.map(\.count) == [1, 3])
        #expect(rows[0].users.map(\.rawValue) == [5, 9, 7, 8])
        #expect(
            rows[0].others == [
                LoggedCommit.Other(coupon: 4, kind: rejected(6, 4, .soldOut)),
                LoggedCommit.Other(coupon: 4, kind: .soldOut(version: 2)),
            ])
        #expect(rows[0].events == 6 && rows[1].events == 1 && rows[1].others.isEmpty)
        let issues = try store.issues(of: [
            CouponUser(user: 8, coupon: 4), CouponUser(user: 1, coupon: 4),
            CouponUser(user: 5, coupon: 8),
        ])
        #expect(issues.map { $0?.sequence } == [3, nil, 1])
        #expect(issues[0]?.requestID == id(8) && issues[0]?.issuedAt == first.issuedAt)
    }

    @Test func `a batch that runs a second time is logged once, with what it really did`()
        async throws
    {
        let database = try await TestDatabase()
        try database.coupon(4)
        try database.trigger(
            "IF NEW.user_id = 3 THEN RAISE EXCEPTION 'no' USING ERRCODE = '22003'; END IF;")
        let ledger = database.ledger()
        _ = try ledger.issue(batch(entry(1, first: 1, users: [1, 2])))
        _ = try ledger.issue(batch(entry(2, first: 3, users: [3, 2, 4]), from: 1))
        let rows = try log(database.store())
        #expect(rows.map(\.number) == [1, 2])
        #expect(rows[1].users.map(\.rawValue) == [4])
        #expect(
            Set(rows[1].others.map { "\($0.kind)" })
                == ["\(rejected(3, 3, .deadLetter))", "\(rejected(2, 4, .alreadyIssued))"])
    }

    @Test func `a batch that is fenced, and a move of the cursor, leave no row`() async throws {
        let database = try await TestDatabase()
        try database.coupon(4)
        let ledger = database.ledger()
        #expect(throws: BackendError.self) {
            try ledger.issue(batch(entry(9, first: 1, users: [1]), from: 8))
        }
        _ = try ledger.issue(
            Batch(
                partition: partition, epoch: 1, from: Position(epoch: 1, n: 0),
                to: Position(epoch: 1, n: 0), items: []))
        #expect(try log(database.store()).isEmpty)
        #expect(try database.store().newestCommits()[partition] == .start)
    }

    @Test func `changes and decisions on dead letters are logged where the cursor stands`()
        async throws
    {
        let database = try await TestDatabase()
        let coupon = try database.coupon(4, total: 2)
        try database.trigger(
            "IF NEW.user_id > 7 THEN RAISE EXCEPTION 'no' USING ERRCODE = '22003'; END IF;")
        let (ledger, store) = (database.ledger(), database.store())
        _ = try ledger.issue(batch(entry(1, first: 1, users: [8, 1, 9])))
        try database.sql("DROP TRIGGER guard ON coupond.coupon_issue")
        let letters = try store.deadLetters(after: 0, of: coupon, limit: 9)
        #expect(letters.count == 2)
        _ = try store.update(coupon, CouponChange(title: "new")) { _, _ in true }
        _ = try store.update(coupon, CouponChange(title: "new")) { _, _ in true }
        _ = try store.decide(letters[0].id, .redriven)
        _ = try store.decide(letters[0].id, .redriven)
        _ = try store.decide(letters[1].id, .discarded)
        let rows = try log(store)
        #expect(rows.map(\.number) == [1, 2, 3, 4])
        #expect(rows[1...].allSatisfy { $0.from == rows[0].to && $0.to == rows[0].to })
        #expect(rows[1].others.map(\.kind) == [.changed(version: 2)])
        #expect(rows[2].users == [8])
        #expect(rows[2].others.map(\.kind) == [.soldOut(version: 3)])
        #expect(rows[3].others.map(\.kind) == [rejected(9, 3, .discarded)])
        #expect(try store.coupon(coupon)?.version == 3)
    }

    @Test func `a page may begin anywhere in a commit, and has a bounded number of users`()
        async throws
    {
        let database = try await TestDatabase()
        try database.coupon(4, total: nil)
        let (ledger, store) = (database.ledger(), database.store())
        let commit = try ledger.issue(batch(entry(1, first: 1, users: 1...1_000)))
        for n in 2...5 as ClosedRange<Int64> {
            _ = try ledger.issue(
                batch(entry(n, first: 1_000 + n, users: [1_000 + n]), from: n - 1))
        }
        let place = LogPlace(commit: 1, index: 990, committedAt: commit.issuedAt)
        let rows = try log(store, from: place, events: 12)
        #expect(rows.map(\.number) == [1, 2, 3])
        #expect(rows[0].firstUser == 990 && rows[0].users.map(\.rawValue) == Array(991...1_000))
        #expect(rows[0].events == 1_000)
        #expect(try log(store, from: place, commits: 2).map(\.number) == [1, 2])
        let end = try #require(try store.newestCommits()[partition])
        #expect(end.commit == 5 && end.index == 1)
        #expect(try log(store, from: end).map(\.users) == [[]], "only the row of the place itself")
    }

    @Test func `old commits are deleted, a few at a time, and never the last one`() async throws {
        let database = try await TestDatabase()
        try database.coupon(4, total: nil)
        let (ledger, store) = (database.ledger(), database.store())
        for n in 1...5 as ClosedRange<Int64> {
            _ = try ledger.issue(batch(entry(n, first: n, users: [n]), from: n - 1))
        }
        let all = [0, 1, 2, 3].map { PartitionID($0) }
        func delete(_ limit: Int) throws -> Int {
            try store.deleteCommits(olderThan: 60_000, of: all, limit: limit)
        }
        #expect(try delete(9) == 0, "they are young")
        try database.sql(
            "UPDATE coupond.commit_log SET committed_at = now() - interval '2 minutes'")
        #expect(try delete(3) == 3)
        #expect(try store.oldestCommits()[partition]?.commit == 4)
        #expect(try delete(9) == 1)
        #expect(try delete(9) == 0)
        let place = try #require(try store.newestCommits()[partition])
        #expect(place.commit == 5)
        _ = try ledger.issue(batch(entry(6, first: 6, users: [6]), from: 5))
        #expect(try log(store, from: .start).map(\.number) == [5, 6], "numbers go on")
        // A reader that has read all of it is at commit 5, and has missed nothing.
        #expect(try delete(9) == 0, "the next one is young")
        var reader = EventReader(
            of: nil, limit: 9, from: [partition: place], beginningWith: partition)
        let slice = try reader.next(store)
        #expect(slice.resets.isEmpty && slice.events.map(\.place.commit) == [6])
    }

    @Test func `user ids of any size are packed, and can be read from any id on`() {
        let ids: [Int64] = [1, 2, 1, .max, 1, 1 << 40, 7, 7, 1 << 62, 300, .max - 1]
        let users = ids.map { CouponUser(user: UserID($0), coupon: 4) }
        let bytes = PackedUsers.bytes(users)
        func read(_ bytes: [UInt8], from first: Int, limit: Int) -> [Int64] {
            unsafe PackedUsers.users(bytes.span.bytes, from: first, limit: limit)
                .map(\.rawValue)
        }
        for first in 0...ids.count + 1 {
            #expect(read(bytes, from: first, limit: 3) == Array(ids.dropFirst(first).prefix(3)))
        }
        #expect(read(bytes, from: 0, limit: 99) == ids)
        let near = (1...5_000 as ClosedRange<Int64>).map {
            CouponUser(user: UserID(1 << 50 + $0), coupon: 4)
        }
        #expect(PackedUsers.bytes(near).count < 5_010)
        // Bytes that another program wrote.
        #expect(read([UInt8](repeating: 255, count: 30), from: 0, limit: 9) == [])
    }
}
