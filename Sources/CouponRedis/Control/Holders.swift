/// Reading holders in parts, because there may be millions.
public import CouponCore

extension RedisGateControl: AuditGate {
    /// Users that the gate knows, in no order; at least `limit`, if there are that many.
    public func holders(
        of coupon: CouponID, partition: PartitionID, epoch: Epoch, limit: Int
    ) throws(BackendError) -> [LoadedHolder] {
        try perform(partition) { connection throws(BackendError) in
            var holders: [LoadedHolder] = []
            let key = Keys.holders(coupon, partition, epoch)
            var cursor = "0"
            repeat {
                cursor = try connection.scanHolders(in: key, from: cursor) { user, holder in
                    holders.append(LoadedHolder(user: user, holder: holder))
                }
            } while cursor != "0" && holders.count < limit
            return holders
        }
    }
}

extension RedisGateControl {
    /// A slice of a search for the users that were accepted at some positions. It covers the holders of every
    /// epoch, because a rebuild carries them into a later one.
    public func search(
        _ search: inout HolderSearch, partition: PartitionID
    ) throws(BackendError) {
        try perform(partition) { connection throws(BackendError) in
            if search.epochs == nil {
                search.epochs = try connection.epochs(of: partition)
            } else if let place = search.places.last {
                let key = Keys.holders(place.coupon, partition, place.epoch)
                let next = try connection.scanHolders(in: key, from: search.holderCursor) {
                    search.look(at: $0, $1, of: place.coupon)
                }
                search.holderCursor = next
                if next == "0" { search.places.removeLast() }
            } else if let epoch = search.epochs?.last {
                try connection.listCoupons(of: partition, epoch, &search)
            }
        }
    }
}

extension BlockingConnection {
    /// Calls `body` with some of the holders in a key; one may come twice.
    /// - Returns: where to continue; "0" if all were read.
    fileprivate func scanHolders(
        in key: String, from cursor: String, _ body: (UserID, GateHolder) -> Void
    ) throws(BackendError) -> String {
        let reply = try callOnOwnType(Command("HSCAN", key, cursor, "COUNT", Self.scanned))
        guard let (next, pairs) = reply.scan else { throw .redis(.unexpectedReply("HSCAN")) }
        for index in stride(from: 0, to: pairs.count - 1, by: 2) {
            var user = ByteReader(pairs[index].bytesValue ?? [])
            var value = ByteReader(pairs[index + 1].bytesValue ?? [])
            guard let id = user.userID(), let holder = value.holder() else { continue }
            body(id, holder)
        }
        return next
    }

    /// Some of the coupons of the last epoch of a search.
    fileprivate func listCoupons(
        of partition: PartitionID, _ epoch: Epoch, _ search: inout HolderSearch
    ) throws(BackendError) {
        let reply = try callOnOwnType(
            Command(
                "ZSCAN", Keys.coupons(partition, epoch), search.listCursor, "COUNT", Self.scanned))
        guard let (next, pairs) = reply.scan else { throw .redis(.unexpectedReply("ZSCAN")) }
        for index in stride(from: 0, to: pairs.count - 1, by: 2) {
            guard let id = pairs[index].text.flatMap({ Int64($0) }) else { continue }
            search.places.append(.init(epoch: epoch, coupon: CouponID(id)))
        }
        search.listCursor = next
        if next == "0" { search.epochs?.removeLast() }
    }

    /// Holders in one scan: they keep Redis busy for less than a millisecond.
    private static let scanned = "500"
}

extension Reply {
    /// From the reply of a scan: where to continue, and what it found. A key of another type has nothing.
    fileprivate var scan: (next: String, found: [Reply])? {
        if self == .none { return ("0", []) }
        guard let parts = elements, parts.count == 2, let next = parts[0].text,
            let found = parts[1].elements
        else { return nil }
        return (next, found)
    }
}
