/// Reading a coupon's holders, in parts: there may be a million of them.
public import CouponCore

extension RedisGateControl: HolderSource {
    /// Users whom the gate knows, in no order, `limit` at least where there are so many.
    public func holders(
        of coupon: CouponID, partition: PartitionID, epoch: Epoch, limit: Int
    ) throws(GateControlError) -> [LoadedHolder] {
        try perform { connection throws(GateControlError) in
            var holders: [LoadedHolder] = []
            try connection.scanHolders(in: Keys.holders(coupon, partition, epoch)) { user, holder in
                holders.append(LoadedHolder(user: user, holder: holder))
                return holders.count < limit
            }
            return holders
        }
    }
}

extension BlockingConnection {
    /// Calls `body` with each holder in a key, one perhaps twice, until it says false.
    func scanHolders(
        in key: String, _ body: (UserID, GateHolder) -> Bool
    ) throws(GateControlError) {
        var cursor = "0"
        repeat {
            let reply = try call(Command("HSCAN", key, cursor, "COUNT", "1000"))
            guard let parts = reply.elements, parts.count == 2, let next = parts[0].text,
                let pairs = parts[1].elements
            else { throw .unexpectedReply("HSCAN") }
            for index in stride(from: 0, to: pairs.count - 1, by: 2) {
                var user = ByteReader(pairs[index].bytesValue ?? [])
                var value = ByteReader(pairs[index + 1].bytesValue ?? [])
                guard let id = user.userID(), let holder = value.holder() else { continue }
                if !body(id, holder) { return }
            }
            cursor = next
        } while cursor != "0"
    }
}
