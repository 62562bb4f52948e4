/// Reading a gate and its queue (rule 16).
public import CouponCore

extension RedisGateControl {
    /// The most bytes of entries in one read, which the daemon holds for one batch.
    private static let maximumEntryBytes: Int64 = 8 << 20
    /// The most entries in one read; they block Redis for some 15 ms.
    private static let maximumEntries: Int64 = 5_000

    /// The gate, and the entries in (after, upTo], of one epoch.
    public func read(
        _ partition: PartitionID, after: Position, upTo: Position?, maximumRequests: Int
    ) throws(BackendError) -> GateView {
        let reading = Self.reading(
            partition, after: after, upTo: upTo, maximumRequests: maximumRequests)
        return try Self.view(try run([reading], of: partition)[0])
    }

    static func reading(
        _ partition: PartitionID, after: Position, upTo: Position? = nil, maximumRequests: Int
    ) -> Evaluation {
        Evaluation(
            script: .read, keys: [Keys.gate(partition), Keys.queue(partition)],
            arguments: [
                .text(after.description), .text(upTo?.description ?? "+"),
                .number(Int64(maximumRequests)), .number(maximumEntryBytes),
                .number(Int64(Limits.couponsPerTransaction)), .number(maximumEntries),
            ])
    }

    /// From the reply of read.lua.
    static func view(_ reply: Reply) throws(BackendError) -> GateView {
        guard let view = GateView(reply) else {
            throw .redis(.unexpectedReply("read: \(reply)".prefix(500).description))
        }
        return view
    }

    /// The entries after `after`, at most `limit`, of any epoch.
    public func entries(
        _ partition: PartitionID, after: Position, limit: Int
    ) throws(BackendError) -> [QueueItem] {
        let reply = try run(
            .entries, of: partition, keys: [Keys.queue(partition)],
            [.text(after.description), .number(Int64(limit)), .number(Self.maximumEntryBytes)])
        guard let items = reply.elements?.map({ QueueItem($0) }),
            items.allSatisfy({ $0?.position.isOfGate == true })
        else { throw .redis(.unexpectedReply("entries: \(reply)".prefix(500).description)) }
        return items.compactMap { $0 }
    }
}

extension GateView {
    /// From the reply of read.lua; nil if it has another form.
    init?(_ reply: Reply) {
        guard var fields = ReplyFields(reply),
            let status = fields.gateStatus(), let epoch = fields.integer(),
            let tail = fields.integer(), let settled = fields.position(),
            let beat = fields.integer(), let installID = fields.next(),
            let queueEnd = fields.text().flatMap({ Position($0) }),
            let entries = fields.next()?.elements, fields.isAtEnd
        else { return nil }
        let items = entries.compactMap { QueueItem($0) }
        guard items.count == entries.count else { return nil }
        self.init(
            status: status, epoch: epoch, tail: tail, settled: settled, beat: beat,
            installID: installID.text, queueEnd: queueEnd, items: items)
    }
}

/// One entry as XRANGE gives it.
struct RawEntry {
    let position: Position
    /// Fields and values in turn. A single one is the beginning of an entry that is larger than any gate's.
    let parts: [[UInt8]]

    init?(_ reply: Reply) {
        guard let pair = reply.elements, pair.count == 2,
            let position = pair[0].text.flatMap({ Position($0) }), let parts = pair[1].elements
        else { return nil }
        self.position = position
        self.parts = parts.compactMap(\.bytesValue)
    }

    /// The packed requests; nil if the entry does not have exactly the field `e`.
    var payload: [UInt8]? {
        parts.count == 2 && parts[0].elementsEqual(Layout.entryField.utf8) ? parts[1] : nil
    }

    /// The entry as a damaged one, without its holders: a caller that needs them finds them.
    var damaged: DamagedEntry {
        let reason =
            if parts.count == 1 {
                "the entry is larger than any of a gate: only its beginning was read"
            } else if payload == nil {
                "the entry must have one field, `e`"
            } else {
                "the entry's bytes are damaged"
            }
        return DamagedEntry(
            position: position, bytes: payload ?? parts.flatMap { $0 }, reason: reason, holders: [])
    }
}

extension QueueItem {
    /// From an entry as XRANGE gives it; nil if it is not an entry.
    init?(_ reply: Reply) {
        guard let raw = RawEntry(reply) else { return nil }
        self = QueueEntry(raw).map { .entry($0) } ?? .damaged(raw.damaged)
    }
}

extension QueueEntry {
    /// Reads an entry's bytes, which Scripts/gate.lua describes; nil if they are damaged.
    init?(_ entry: RawEntry) {
        guard let payload = entry.payload else { return nil }
        var reader = ByteReader(payload)
        switch reader.byte() {
        case Layout.entryVersion:
            guard let acceptedAt = reader.timestamp(), let coupons = reader.queuedCoupons() else {
                return nil
            }
            self.init(position: entry.position, acceptedAt: acceptedAt, coupons: coupons)
        case Layout.oneCouponEntryVersion:
            guard let (coupon, first) = reader.couponAndSequence(),
                let acceptedAt = reader.timestamp(),
                let requests = reader.entryRequests(count: reader.remaining / Layout.request),
                reader.remaining == 0
            else { return nil }
            self.init(
                position: entry.position, acceptedAt: acceptedAt,
                coupons: [.init(coupon: coupon, firstSequence: first, requests: requests)])
        default: return nil
        }
    }
}

extension ByteReader {
    /// The coupons of an entry, to its end.
    fileprivate mutating func queuedCoupons() -> [QueuedCoupon]? {
        var coupons: [QueuedCoupon] = []
        var total = 0
        repeat {
            guard let (coupon, first) = couponAndSequence(), let count = integer(UInt32.self),
                let requests = entryRequests(count: Int(count))
            else { return nil }
            total += requests.count
            guard total <= Limits.requestsPerGateCall else { return nil }
            coupons.append(.init(coupon: coupon, firstSequence: first, requests: requests))
        } while remaining > 0
        return coupons
    }

    fileprivate mutating func couponAndSequence() -> (CouponID, Int64)? {
        guard let coupon = couponID(), coupon.rawValue > 0, let first = int64(),
            first > 0, first < 1 << 53
        else { return nil }
        return (coupon, first)
    }

    /// At least one request, and no more than a call has.
    fileprivate mutating func entryRequests(count: Int) -> [EntryRequest]? {
        guard count > 0, count <= Limits.requestsPerGateCall, remaining >= count * Layout.request
        else { return nil }
        var requests: [EntryRequest] = []
        requests.reserveCapacity(count)
        for _ in 0..<count {
            guard let user = userID(), user.rawValue > 0, let requestID = requestID() else {
                return nil
            }
            requests.append(EntryRequest(user: user, requestID: requestID))
        }
        return requests
    }
}

extension Position {
    /// From a stream id `E-n`; nil if it is not one. A number of Redis that is too large becomes the largest.
    /// There may be millions of ids, so they are read byte by byte.
    init?(_ id: String) {
        var numbers: (epoch: Int64, n: Int64?) = (0, nil)
        for byte in id.utf8 {
            if byte == UInt8(ascii: "-"), numbers.n == nil {
                numbers.n = 0
                continue
            }
            guard let digit = Int64(digit: byte) else { return nil }
            let next = (numbers.n ?? numbers.epoch).appending(digit)
            if numbers.n == nil { numbers.epoch = next } else { numbers.n = next }
        }
        guard let n = numbers.n else { return nil }
        self.init(epoch: numbers.epoch, n: n)
    }
}

extension Position {
    /// Whether a gate may give such an id.
    fileprivate var isOfGate: Bool { max(epoch, n) < Limits.maximumNumber }
}

extension Int64 {
    fileprivate init?(digit byte: UInt8) {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        self = Int64(byte - UInt8(ascii: "0"))
    }

    /// With one more digit, at most the largest.
    fileprivate func appending(_ digit: Int64) -> Int64 {
        let (ten, isTooLarge) = multipliedReportingOverflow(by: 10)
        let (sum, isLarger) = ten.addingReportingOverflow(digit)
        return isTooLarge || isLarger ? .max : sum
    }
}
