/// Reading holders in parts, because there may be millions.
public import CouponCore

extension RedisGateControl: AuditGate {
    /// Users that the gate knows, in no order; at least `limit`, if there are that many.
    public func holders(
        of coupon: CouponID, partition: PartitionID, epoch: Epoch, limit: Int
    ) throws(BackendError) -> [LoadedHolder] {
        var holders: [LoadedHolder] = []
        let key = Keys.holders(coupon, partition, epoch)
        var cursor = Self.listBeginning
        repeat {
            cursor = try scanHolders(in: key, of: partition, from: cursor) { user, holder in
                holders.append(LoadedHolder(user: user, holder: holder))
            }
        } while cursor != Self.listBeginning && holders.count < limit
        return holders
    }
}

extension RedisGateControl {
    /// A slice of a search for the users that were accepted at some positions. It covers the holders of every
    /// epoch, because a rebuild carries them into a later one.
    public func search(
        _ search: inout HolderSearch, partition: PartitionID
    ) throws(BackendError) {
        if search.epochs == nil {
            search.epochs = try epochs(of: partition)
        } else if let place = search.places.last {
            let key = Keys.holders(place.coupon, partition, place.epoch)
            let next = try scanHolders(in: key, of: partition, from: search.holderCursor) {
                search.look(at: $0, $1, of: place.coupon)
            }
            search.holderCursor = next
            if next == Self.listBeginning { search.places.removeLast() }
        } else if let epoch = search.epochs?.last {
            try listCoupons(of: partition, epoch, &search)
        }
    }

    /// Calls `body` with some of the holders in a key; one may come twice.
    /// - Returns: where to continue; the beginning if all were read.
    private func scanHolders(
        in key: String, of partition: PartitionID, from cursor: String,
        _ body: (UserID, GateHolder) -> Void
    ) throws(BackendError) -> String {
        let (next, pairs) = try list("holders", key, of: partition, from: cursor)
        for index in stride(from: 0, to: pairs.count - 1, by: 2) {
            var user = ByteReader(pairs[index].bytesValue ?? [])
            var value = ByteReader(pairs[index + 1].bytesValue ?? [])
            guard let id = user.userID(), let holder = value.holder() else { continue }
            body(id, holder)
        }
        return next
    }

    /// Some of the coupons of the last epoch of a search.
    private func listCoupons(
        of partition: PartitionID, _ epoch: Epoch, _ search: inout HolderSearch
    ) throws(BackendError) {
        let (next, pairs) = try list(
            "coupons", Keys.coupons(partition, epoch), of: partition, from: search.listCursor)
        for index in stride(from: 0, to: pairs.count - 1, by: 2) {
            guard let id = pairs[index].text.flatMap({ Int64($0) }) else { continue }
            search.places.append(.init(epoch: epoch, coupon: CouponID(id)))
        }
        search.listCursor = next
        if next == Self.listBeginning { search.epochs?.removeLast() }
    }

    /// The epochs in which a partition has keys, oldest first.
    func epochs(of partition: PartitionID) throws(BackendError) -> [Epoch] {
        try list("epochs", Keys.epochs(partition), of: partition).found
            .compactMap { $0.text.flatMap { Epoch($0) } }.sorted()
    }

    // MARK: Lists

    /// Holders in one scan: they keep Redis busy for less than a millisecond.
    private static let scanned = 500
    /// Where a list begins, and where it goes on when all of it was read.
    private static let listBeginning = "0"

    /// Some of what a key has, by list.lua.
    func list(
        _ what: String, _ key: String, of partition: PartitionID, from place: String = "0",
        limit: Int = scanned
    ) throws(BackendError) -> (next: String, found: [Reply]) {
        let reply = try run(
            .list, of: partition, keys: [key],
            [.text(what), .text(place), .number(Int64(limit))])
        guard let parts = reply.elements, parts.count == 2, let next = parts[0].text,
            let found = parts[1].elements
        else { throw .redis(.unexpectedReply("list: \(reply)".prefix(500).description)) }
        return (next, found)
    }
}
