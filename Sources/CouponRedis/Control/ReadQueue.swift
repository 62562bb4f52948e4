/// Reading a gate and its queue (rule 16), and waiting for the queue to grow.
public import CouponCore

extension RedisGateControl {
    /// The most bytes of entries in one read: what the daemon holds for one batch.
    private static let maximumEntryBytes: Int64 = 8 << 20

    /// The gate, and the entries in (after, upTo], one epoch only, whole entries.
    public func read(
        _ partition: PartitionID, after: Position, upTo: Position?, maximumRequests: Int
    ) throws(GateControlError) -> GateView {
        try perform { connection throws(GateControlError) in
            let reply = try self.run(
                [
                    Self.reading(
                        partition, after: after, upTo: upTo, maximumRequests: maximumRequests)
                ], on: connection)[0]
            return try Self.view(reply, of: partition, on: connection)
        }
    }

    static func reading(
        _ partition: PartitionID, after: Position, upTo: Position? = nil, maximumRequests: Int
    ) -> Evaluation {
        Evaluation(
            script: .read, keys: [Keys.gate(partition), Keys.queue(partition)],
            arguments: [
                .text(after.description), .text(upTo?.description ?? "+"),
                .number(Int64(maximumRequests)), .number(maximumEntryBytes),
            ])
    }

    /// What read.lua answered. Users of damaged entries are looked for over the same connection, on which
    /// no other answer may be awaited.
    static func view(
        _ reply: Reply, of partition: PartitionID, on connection: BlockingConnection
    ) throws(GateControlError) -> GateView {
        guard let raw = RawGateView(reply) else {
            throw .unexpectedReply("read: \(reply)".prefix(500).description)
        }
        var items: [QueueItem] = []
        for entry in raw.entries {
            guard let item = QueueItem(entry) else {
                let holders = try connection.holders(at: entry.position, in: partition)
                items.append(.damaged(entry.damaged(holders: holders)))
                continue
            }
            items.append(item)
        }
        return raw.view(items)
    }

    /// Waits until one of the queues has an entry after the given position, or the time is over;
    /// 0 only looks. The partitions whose queues have one.
    public func wait(
        for queues: [(partition: PartitionID, after: Position)], milliseconds: Int
    ) throws(GateControlError) -> [PartitionID] {
        guard !queues.isEmpty else { return [] }
        // BLOCK 0 would wait for ever.
        let block = milliseconds > 0 ? ["BLOCK", String(milliseconds)] : []
        let words = ["XREAD", "COUNT", "1"] + block + ["STREAMS"]
        var command = Command(argumentCount: words.count + 2 * queues.count)
        for word in words { command.append(word) }
        for queue in queues { command.append(Keys.queue(queue.partition)) }
        for queue in queues { command.append(queue.after.description) }
        let complete = command
        let reply = try perform { connection throws(GateControlError) in
            let reply = try connection.ask(complete, patience: Int64(max(0, milliseconds)))
            if case .error(let text) = reply { throw BlockingConnection.error(text) }
            return reply
        }
        let grown = Set((reply.elements ?? []).compactMap { $0.elements?.first?.text })
        return queues.map(\.partition).filter { grown.contains(Keys.queue($0)) }
    }
}

/// The reply of read.lua, entries still as bytes.
struct RawGateView {
    let entries: [RawEntry]
    private let status: GateStatus
    private let numbers: [Int64]
    private let installID: String?
    private let queueEnd: Position

    init?(_ reply: Reply) {
        guard let parts = reply.elements, parts.count == 9,
            let status = parts[0].integerValue.flatMap({ GateStatus(rawValue: UInt8(clamping: $0)) }
            ),
            let queueEnd = parts[7].text.flatMap({ Position($0) }), let entries = parts[8].elements
        else { return nil }
        numbers = parts[1...5].compactMap(\.integerValue)
        guard numbers.count == 5 else { return nil }
        self.status = status
        self.queueEnd = queueEnd
        installID = parts[6].text
        self.entries = entries.compactMap { RawEntry($0) }
        guard self.entries.count == entries.count else { return nil }
    }

    func view(_ items: [QueueItem]) -> GateView {
        GateView(
            status: status, epoch: numbers[0], tail: numbers[1],
            settled: Position(epoch: numbers[2], n: numbers[3]), loadToken: numbers[4],
            installID: installID, queueEnd: queueEnd, items: items)
    }
}

/// One entry as XRANGE gives it.
struct RawEntry {
    let position: Position
    /// Field and value in turn.
    let parts: [[UInt8]]

    init?(_ reply: Reply) {
        guard let pair = reply.elements, pair.count == 2,
            let position = pair[0].text.flatMap({ Position($0) }), let parts = pair[1].elements
        else { return nil }
        self.position = position
        self.parts = parts.compactMap(\.bytesValue)
    }

    /// The packed requests; nil where the entry has not the one field `e`.
    var payload: [UInt8]? {
        parts.count == 2 && parts[0] == [UInt8(ascii: "e")] ? parts[1] : nil
    }

    func damaged(holders: [Holding]) -> DamagedEntry {
        let reason =
            payload == nil
            ? "the entry has other fields than one `e`" : "the entry's bytes are damaged"
        return DamagedEntry(
            position: position, bytes: payload ?? parts.flatMap { $0 }, reason: reason,
            holders: holders)
    }
}

extension QueueItem {
    /// Reads an entry's bytes, drawn in Scripts/gate.lua; nil where they are damaged.
    init?(_ entry: RawEntry) {
        guard let payload = entry.payload else { return nil }
        var reader = ByteReader(payload)
        guard reader.byte() == 1, let coupon = reader.couponID(), coupon.rawValue > 0,
            let first = reader.int64(), first > 0, first < 1 << 53,
            let acceptedAt = reader.timestamp(),
            reader.remaining > 0
        else { return nil }
        var requests: [AcceptedRequest] = []
        requests.reserveCapacity(reader.remaining / 25)
        while reader.remaining > 0 {
            guard let user = reader.userID(), user.rawValue > 0, let requestID = reader.requestID()
            else { return nil }
            requests.append(AcceptedRequest(user: user, requestID: requestID))
        }
        self = .entry(
            QueueEntry(
                position: entry.position, coupon: coupon, firstSequence: first,
                acceptedAt: acceptedAt, requests: requests))
    }
}

extension Position {
    /// From a stream id `E-n`; nil where it is none.
    init?(_ id: String) {
        let parts = id.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let epoch = Epoch(parts[0]), let n = Int64(parts[1])
        else { return nil }
        self.init(epoch: epoch, n: n)
    }
}

extension BlockingConnection {
    /// Who was accepted at a position: found among the holders of every coupon of the partition,
    /// also those that a rebuild has carried into a later epoch. Slow, and as rare as a damaged
    /// entry.
    fileprivate func holders(
        at position: Position, in partition: PartitionID
    ) throws(GateControlError) -> [Holding] {
        var found: Set<Holding> = []
        try scan(matching: Keys.prefix(partition) + "*:holders") {
            (keys: [String]) throws(GateControlError) in
            for key in keys {
                guard let coupon = Keys.parse(key, of: partition)?.coupon else { continue }
                try self.holders(at: position, of: coupon, in: key, into: &found)
            }
        }
        return found.sorted { ($0.coupon, $0.sequence) < ($1.coupon, $1.sequence) }
    }

    private func holders(
        at position: Position, of coupon: CouponID, in key: String, into found: inout Set<Holding>
    ) throws(GateControlError) {
        try scanHolders(in: key) { user, holder in
            if holder.position == position {
                found.insert(
                    Holding(
                        coupon: coupon, user: user, sequence: holder.sequence,
                        requestID: holder.requestID))
            }
            return true
        }
    }
}
