/// Ids of users in the commit log. Each is stored as the difference from the one before, as a zigzag varint:
/// users who ask at the same time often have ids that are close. The log is written with every batch, and 8
/// bytes for each user would add a sixteenth to what PostgreSQL logs for an issue.
internal import CouponCore

enum PackedUsers {
    static func bytes(_ users: [CouponUser]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(5 * users.count)
        var last: Int64 = 0
        for user in users {
            let difference = user.user.rawValue &- last
            last = user.user.rawValue
            var rest = UInt64(bitPattern: difference << 1 ^ difference >> 63)
            while rest > 127 {
                bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
                rest >>= 7
            }
            bytes.append(UInt8(truncatingIfNeeded: rest))
        }
        return bytes
    }

    /// - Parameters:
    ///   - first: how many are left out.
    ///   - limit: how many are returned at most.
    static func users(_ bytes: RawSpan, from first: Int, limit: Int) -> [UserID] {
        var (users, last, count): ([UserID], Int64, Int) = ([], 0, 0)
        var (rest, shift) = (UInt64(0), UInt64(0))
        for offset in 0..<bytes.byteCount where users.count < limit {
            let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            rest |= shift < 64 ? UInt64(byte & 127) << shift : 0
            shift += 7
            if byte > 127 { continue }
            last &+= Int64(bitPattern: rest >> 1) ^ -Int64(bitPattern: rest & 1)
            if count >= first { users.append(UserID(last)) }
            (rest, shift, count) = (0, 0, count + 1)
        }
        return users
    }
}
