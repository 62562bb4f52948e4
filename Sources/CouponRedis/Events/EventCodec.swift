/// Reads the bytes of an event; Scripts/prelude.lua describes them.
internal import CouponCore
internal import Logging

/// Reads events as they arrive; counts and logs those that cannot be read.
struct EventDecoder {
    let logger: Logger
    private var malformedEvents = 0

    init(_ logger: Logger) { self.logger = logger }

    /// Nil if the bytes are not an event of a known layout.
    mutating func event(_ bytes: [UInt8]) -> CompletionEvent? {
        if let event = CompletionEvent(bytes) { return event }
        malformedEvents += 1
        logger.warning(
            "dropped an event that cannot be read",
            metadata: [LogKey.bytes: "\(bytes.count)", LogKey.soFar: "\(malformedEvents)"])
        return nil
    }
}

extension CompletionEvent {
    /// Nil if the bytes are not an event of a known layout.
    init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard reader.byte() == Layout.eventVersion, let partition = reader.integer(UInt32.self),
            let epoch = reader.int64(), let from = reader.position(), let to = reader.position(),
            let now = reader.timestamp(), let issuedAt = reader.timestamp(),
            let resolve = reader.byte(),
            let coupons = reader.list(itemBytes: Layout.standing, { $0.standing(now: now) }),
            let rejections = reader.list(
                itemBytes: Layout.publishedRejection, { $0.rejection() }),
            reader.remaining == 0
        else { return nil }
        self.init(
            partition: PartitionID(Int(partition)), epoch: epoch, from: from, to: to,
            publishedAt: now, issuedAt: issuedAt, resolve: resolve != 0, coupons: coupons,
            rejections: rejections)
    }
}

extension ByteReader {
    /// A count and that many items; nil if there are fewer bytes.
    fileprivate mutating func list<Item>(
        itemBytes: Int, _ item: (inout ByteReader) -> Item?
    ) -> [Item]? {
        guard let count = integer(UInt32.self), Int(count) * itemBytes <= remaining
        else { return nil }
        var items: [Item] = []
        items.reserveCapacity(Int(count))
        for _ in 0..<count {
            guard let next = item(&self) else { return nil }
            items.append(next)
        }
        return items
    }

    fileprivate mutating func standing(now: Timestamp) -> CompletionEvent.CouponStanding? {
        guard let coupon = couponID(), let rev = int64(), let version = int64(),
            let door = door(now: now)
        else { return nil }
        return CompletionEvent.CouponStanding(
            coupon: coupon, rev: rev, version: version, door: door)
    }

    fileprivate mutating func rejection() -> CompletionEvent.RejectedRequest? {
        guard let coupon = couponID(), let sequence = int64(), let reason = rejectionReason()
        else { return nil }
        return CompletionEvent.RejectedRequest(coupon: coupon, sequence: sequence, reason: reason)
    }
}
