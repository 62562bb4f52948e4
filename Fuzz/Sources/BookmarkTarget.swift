/// The bookmark that a caller of `watch` sends: the bytes of a daemon, or of anybody.
internal import CouponCore

/// A bookmark is refused, or is written again as it was read. From wherever it leads, a reader comes to the
/// end of the log, and no page is longer than the caller asked for.
func fuzzBookmarks(_ input: [UInt8]) {
    guard let places = LogPlaces(Bookmark(bytes: input)) else { return }
    let again = places.bookmark
    require(LogPlaces(again) == places, "\(places) came back as \(again)")
    require(again.bytes.count <= input.count, "a bookmark became longer")
    for (partition, place) in places.places {
        require(partition.rawValue < Limits.maximumPartitions, "a partition that cannot be")
        require(place.commit >= 0 && place.index >= 0, "a place before the first one")
    }
    for coupon in [nil, CouponID(1)] {
        var reader = EventReader(
            of: coupon, limit: 3, from: places.places, beginningWith: PartitionID(0))
        // Each partition has two commits, and the reader may first be sent back to the oldest one.
        var slices = 16 * (places.places.count + 1)
        while !reader.unread.isEmpty, let slice = try? reader.next(SmallLog()) {
            require(slice.events.count <= 3, "a page is too long")
            require(LogPlaces(LogPlaces(reader.places).bookmark) != nil, "no bookmark leads on")
            slices -= 1
            require(slices > 0, "a reader that does not come to the end")
        }
    }
}

/// Two commits in each partition, numbers 3 and 4: those before are deleted.
private struct SmallLog: EventStore {
    private static let moment = Timestamp(microseconds: 9)

    private func commit(_ partition: PartitionID, _ number: Int64) -> LoggedCommit {
        LoggedCommit(
            partition: partition, number: number, committedAt: Self.moment,
            from: Position(epoch: 1, n: number), to: Position(epoch: 1, n: number + 1),
            runs: [.init(coupon: CouponID(1), count: 2), .init(coupon: CouponID(2), count: 3)],
            users: (1...5).map { UserID($0) }, firstUser: 0,
            others: [.init(coupon: CouponID(1), kind: .soldOut(version: 2))])
    }

    /// Made once: they have all partitions.
    private static let oldest = places(3, 0)
    private static let newest = places(4, 6)

    private static func places(_ number: Int64, _ index: Int) -> [PartitionID: LogPlace] {
        let place = LogPlace(commit: number, index: index, committedAt: moment)
        return Dictionary(
            uniqueKeysWithValues: (0..<Limits.maximumPartitions).map { (PartitionID($0), place) })
    }

    func newestCommits() -> [PartitionID: LogPlace] { Self.newest }

    func oldestCommits() -> [PartitionID: LogPlace] { Self.oldest }

    func commits(
        from places: [PartitionID: LogPlace], commits: Int, events: Int
    ) -> [LoggedCommit] {
        places.sorted { $0.key < $1.key }.flatMap { partition, place in
            [3, 4].filter { $0 >= place.commit }.prefix(commits).map { commit(partition, $0) }
        }
    }

    func issues(of users: [CouponUser]) -> [Issue?] {
        users.map {
            Issue(
                user: $0.user, sequence: 1, requestID: .empty, acceptedAt: .zero, issuedAt: .zero)
        }
    }

    func deleteCommits(
        olderThan milliseconds: Int64, of partitions: [PartitionID], limit: Int
    ) -> Int { 0 }
}
