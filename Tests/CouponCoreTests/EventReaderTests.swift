import CouponCore
import Testing

@Suite struct EventReaderTests {
    private let zero = PartitionID(0)

    private func user(_ event: CouponEvent) -> Int64? {
        if case .issued(let user, _, _, _) = event.kind { user.rawValue } else { nil }
    }

    /// Reads slices until nothing is unread; each begins with the bookmark of the one before.
    private func read(
        _ log: MemoryLog, from start: [PartitionID: LogPlace], of coupon: CouponID? = nil,
        limit: Int
    ) throws -> (events: [CouponEvent], resets: [EventPage.Reset], places: [PartitionID: LogPlace])
    {
        var (places, events, resets) = (start, [CouponEvent](), [EventPage.Reset]())
        for turn in 0..<10_000 {
            let bookmark = LogPlaces(places).bookmark
            var reader = EventReader(
                of: coupon, limit: limit, from: try #require(LogPlaces(bookmark)).places,
                beginningWith: PartitionID(turn * 7 % 50))
            // For one answer a daemon reads on while nothing was found.
            var slice = try reader.next(log)
            while slice.events.isEmpty, slice.resets.isEmpty, !reader.unread.isEmpty {
                slice = try reader.next(log)
            }
            #expect(slice.events.count <= limit)
            events += slice.events
            resets += slice.resets
            places = reader.places
            if reader.unread.isEmpty { return (events, resets, places) }
        }
        Testing.Issue.record("the reader does not come to an end")
        return (events, resets, places)
    }

    @Test(arguments: [1, 2, 3, 7, 400])
    func `every event comes once and in order, however small the pages are`(limit: Int) throws {
        let log = MemoryLog()
        let soldOut = LoggedCommit.Other(coupon: 4, kind: .soldOut(version: 2))
        log.commit(0, [(4, 1...5), (8, 6...6)])
        log.commit(0, [], others: [soldOut])
        log.commit(0, [(4, 7...9)], others: [soldOut, soldOut])
        log.commit(1, [(5, 10...12)])
        log.commit(0, [(8, 13...13)])
        let found = try read(log, from: [zero: .start, PartitionID(1): .start], limit: limit)
        #expect(found.resets.isEmpty)
        #expect(found.events.count == 16 && Set(found.events.map(\.place)).count == 16)
        let first = found.events.filter { $0.place.partition == zero }
        #expect(first.compactMap(user) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 13])
        #expect(first.map(\.place.commit) == first.map(\.place.commit).sorted())
        #expect(first.count { $0.kind == soldOut.kind } == 3)
        #expect(found.places == log.newestCommits())
        // No event comes until there is another commit.
        #expect(try read(log, from: found.places, limit: limit).events.isEmpty)
        log.commit(1, [(5, 14...14)])
        #expect(try read(log, from: found.places, limit: limit).events.compactMap(user) == [14])
    }

    @Test(arguments: [1, 3, 400])
    func `one coupon's events come without those of others`(limit: Int) throws {
        let log = MemoryLog()
        log.commit(0, [(8, 1...6_000), (4, 6_001...6_003), (8, 6_004...6_004)])
        log.commit(
            0, [],
            others: [
                LoggedCommit.Other(coupon: 8, kind: .changed(version: 2)),
                LoggedCommit.Other(coupon: 4, kind: .changed(version: 3)),
            ])
        let found = try read(log, from: [zero: .start], of: 4, limit: limit)
        #expect(found.events.compactMap(user) == [6_001, 6_002, 6_003])
        #expect(found.events.last?.kind == .changed(version: 3))
        #expect(found.places == log.newestCommits())
    }

    @Test func `an issue whose row is gone is left out`() throws {
        let log = MemoryLog()
        log.commit(0, [(4, 1...3)])
        log.missing = [2]
        #expect(try read(log, from: [zero: .start], limit: 400).events.compactMap(user) == [1, 3])
    }

    @Test func `a place whose following commits are no longer kept is reset to the oldest`() throws
    {
        let log = MemoryLog()
        for number in 1...5 as ClosedRange<Int64> { log.commit(0, [(4, number...number)]) }
        let start = log.oldestCommits()
        log.rows[zero]?.removeFirst(2)
        for places in [[zero: LogPlace.start], start] {
            let found = try read(log, from: places, limit: 2)
            #expect(found.resets == [EventPage.Reset(zero, .expired)])
            #expect(found.events.compactMap(user) == [3, 4, 5])
        }
        let kept = log.oldestCommits()
        #expect(try read(log, from: kept, limit: 2).resets.isEmpty)
    }

    @Test func `after PostgreSQL went back a place is reset, even after as many new commits`()
        throws
    {
        let log = MemoryLog()
        for number in 1...5 as ClosedRange<Int64> { log.commit(0, [(4, number...number)]) }
        let places = log.newestCommits()
        log.rows[zero]?.removeLast(2)
        for more in 0...2 as ClosedRange<Int64> {
            if more > 0 { log.commit(0, [(4, 20 + more...20 + more)]) }
            let found = try read(log, from: places, limit: 2)
            #expect(found.resets == [EventPage.Reset(zero, .wentBack)], "\(more)")
            #expect(found.events.compactMap(user).starts(with: [1, 2, 3]))
            #expect(found.events.count == 3 + Int(more))
        }
        log.rows = [:]
        let found = try read(log, from: places, limit: 2)
        #expect(found.resets == [EventPage.Reset(zero, .wentBack)])
        #expect(found.places == [zero: .start])
    }

    @Test func `many resets of one slice ask for the oldest commits once`() throws {
        let log = MemoryLog()
        for partition in 0..<16 { log.commit(partition, [(4, 1...2)]) }
        let places = log.newestCommits()
        log.rows = [:]
        for partition in 0..<16 { log.commit(partition, [(4, 8...9)]) }
        var reader = EventReader(of: nil, limit: 400, from: places, beginningWith: zero)
        #expect(try reader.next(log).resets.count == 16)
        #expect(log.questionsForOldest == 1)
    }

    @Test(arguments: [1, 2, 400])
    func `commits without a row of the log are reported, between the events around them`(
        limit: Int
    ) throws {
        let log = MemoryLog()
        log.commit(0, [(4, 1...2)])
        log.commit(0, [(4, 3...3)], skippingEntries: 5)
        log.commit(0, [(4, 4...4)])
        var reader = EventReader(of: nil, limit: limit, from: [zero: .start], beginningWith: zero)
        var seen: [String] = []
        while !reader.unread.isEmpty {
            let slice = try reader.next(log)
            seen += slice.resets.map { "\($0.reason)" }
            seen += slice.events.compactMap(user).map(String.init)
        }
        #expect(seen == ["1", "2", "incomplete", "3", "4"])
    }

    @Test func `a row that counts more events than it has does not hold up the others`() throws {
        let log = MemoryLog()
        log.commit(0, [(4, 1...1)])
        let row = try #require(log.rows[zero]?.first)
        log.rows[zero] = [
            LoggedCommit(
                partition: zero, number: 1, committedAt: row.committedAt, from: row.from,
                to: row.to,
                runs: [LoggedCommit.Run(coupon: 4, count: 9)], users: [7], firstUser: 0, others: [])
        ]
        log.commit(0, [(4, 8...8)])
        let found = try read(log, from: [zero: .start], limit: 400)
        #expect(found.events.compactMap(user) == [7, 8])
        #expect(found.resets == [EventPage.Reset(zero, .incomplete)])
    }

    @Test func `each of many partitions gets its turn`() throws {
        let log = MemoryLog()
        let partitions = (0..<50).map { PartitionID($0) }
        for partition in 0..<50 { log.commit(partition, [(4, 1...40)]) }
        let start = Dictionary(uniqueKeysWithValues: partitions.map { ($0, LogPlace.start) })
        let found = try read(log, from: start, limit: 100)
        #expect(found.events.count == 2_000 && Set(found.events.map(\.place)).count == 2_000)
        // A partition that always has more events does not hold up the others.
        let first = found.events.prefix(1_000)
        #expect(Set(first.map(\.place.partition)).count > 10)
    }

    @Test func `a reader says how many commits come after its bookmark`() throws {
        let log = MemoryLog()
        for number in 1...5 as ClosedRange<Int64> { log.commit(0, [(4, number...number)]) }
        var reader = EventReader(
            of: nil, limit: 2, from: [zero: .start], beginningWith: zero)
        _ = try reader.next(log)
        #expect(reader.behind(log.newestCommits()) == 3 && !reader.unread.isEmpty)
    }
}

@Suite struct LogPlacesTests {
    @Test func `a bookmark keeps every number`() throws {
        let places: [PartitionID: LogPlace] = [
            PartitionID(0): .start,
            PartitionID(7): LogPlace(
                commit: 1 << 40, index: 50_000, committedAt: Timestamp(microseconds: 1 << 53)),
            PartitionID(Limits.maximumPartitions - 1): LogPlace(
                commit: 127, index: 128, committedAt: Timestamp(microseconds: 1)),
        ]
        #expect(LogPlaces(LogPlaces(places).bookmark)?.places == places)
        let all = Dictionary(
            uniqueKeysWithValues: (0..<Limits.maximumPartitions).map {
                (PartitionID($0), LogPlace(commit: 1 << 53, index: 50_000, committedAt: .never))
            })
        #expect(LogPlaces(all).bookmark.bytes.count <= Limits.bookmarkBytes)
    }

    @Test(arguments: [
        [], [0], [2, 0, 0, 0, 0], [1, 0], [1, 0, 0, 0], [1, 128], [1, 0, 0, 0, 0, 0, 0, 0, 0],
        [1, 128, 8, 0, 0, 0], [1, 0, 0, 0] + [UInt8](repeating: 255, count: 9),
    ])
    func `bytes that are not a bookmark are refused`(bytes: [UInt8]) {
        #expect(LogPlaces(Bookmark(bytes: bytes)) == nil)
    }

    @Test func `any bytes are a bookmark or are refused, and none trap`() {
        var random = SplitMix64(seed: 7)
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...24, using: &random)
            let bytes = [1] + (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            guard let places = LogPlaces(Bookmark(bytes: bytes)) else { continue }
            #expect(LogPlaces(places.bookmark) == places)
        }
    }
}
