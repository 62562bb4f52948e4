/// fence.lua, move.lua, distrust.lua, beat.lua, count.lua, open.lua, and the sweep (rules 27 to 31).
public import CouponCore

extension ModelRedis {
    /// Whether this Redis is still in a row's term (rule 50).
    private func hasTerm(_ row: PartitionRow) -> Bool {
        row.redisTerm == 0 || term == nil || term == row.redisTerm
    }

    /// Rule 27. False if the gate has this epoch or a later one, or if Redis has another term; nil if the
    /// gate belongs to another installation.
    public mutating func fence(_ row: PartitionRow) -> Bool? {
        let old = self[row.id].gate
        if let old, old.installID != row.installID { return nil }
        if let old, old.epoch >= row.epoch { return false }
        guard hasTerm(row) else { return false }
        self[row.id].gate = Gate(
            isFenced: true, epoch: row.epoch, tail: old?.tail ?? 0, settled: row.cursor, queued: 0,
            beat: 1, rev: old?.rev ?? 0, installID: row.installID)
        self[row.id].copy = []
        return true
    }

    /// Another program adds an entry with an id that cannot come from a gate.
    public mutating func addForeignEntry(_ partition: PartitionID) {
        let number = self[partition].foreign.count + 1
        self[partition].foreign.append("\(Self.foreignEpoch)-\(number)")
    }

    /// The largest number in an id.
    private static let foreignEpoch = UInt64.max

    /// Rule 45: copies a part of a queue with such an id, and replaces the queue at the end.
    public mutating func move(_ move: inout QueueMove, of row: PartitionRow, limit: Int) -> Bool {
        var keys = self[row.id]
        guard keys.isFenced(row.epoch) else { return false }
        defer { self[row.id] = keys }
        guard !keys.foreign.isEmpty else {
            keys.copy = []
            move.isOver = true
            return true
        }
        let copied = keys.copy.last?.entry.position.description ?? "0-0"
        guard copied == move.copied else {
            (move.copied, move.after) = (copied, keys.copy.isEmpty ? "\(row.cursor)" : copied)
            return true
        }
        let (own, foreign) = keys.entries(behind: move.after)
        let first = own.prefix(limit)
        keys.copy += first
        let passed = foreign.prefix(limit - first.count)
        move.copied = keys.copy.last?.entry.position.description ?? "0-0"
        move.after = passed.last ?? first.last?.entry.position.description ?? move.after
        guard first.count + passed.count < limit else { return true }
        (keys.queue, keys.copy, keys.foreign) = (keys.copy, [], [])
        keys.lastID = keys.queue.last?.entry.position ?? .zero
        move.isOver = true
        return true
    }

    /// An operator knows that the gate is wrong. Returns the last wrong epoch.
    public mutating func distrust(_ partition: PartitionID) -> Epoch {
        guard let gate = self[partition].gate else { return 0 }
        if gate.isFenced { return max(0, gate.epoch - 1) }
        self[partition].gate?.isFenced = true
        self[partition].gate?.beat = 0
        return gate.epoch
    }

    /// Rule 43.
    public mutating func beat(_ partition: PartitionID, epoch: Epoch) -> Bool {
        guard self[partition].isFenced(epoch) else { return false }
        self[partition].gate?.beat += 1
        return true
    }

    /// The entries as they are in the queue; nil if the id of one cannot come from a gate.
    public func entries(
        _ partition: PartitionID, after: Position, limit: Int
    ) -> [QueueItem]? {
        let entries = self[partition].queue.filter { $0.entry.position > after }.prefix(limit)
        if entries.count < limit, !self[partition].foreign.isEmpty { return nil }
        return entries.map(\.item)
    }

    /// Rule 30: counts queued requests at their coupons.
    public mutating func count(
        _ requests: [PlacedRequest], from: Position, to: Position, partition: PartitionID,
        epoch: Epoch
    ) -> Bool {
        var keys = self[partition]
        guard keys.isFenced(epoch), keys.gate?.settled == from else { return false }
        for request in requests {
            let accepted = request.accepted
            guard var loaded = keys[epoch, accepted.coupon] else { continue }
            loaded.queued += 1
            loaded.nextSequence = max(loaded.nextSequence, accepted.sequence + 1)
            let holder = loaded.holders[accepted.user]
            if holder?.hasSlot != true { loaded.used += 1 }
            if holder?.hasSlot != true || holder?.rejection == .discarded {
                loaded.holders[accepted.user] = GateHolder(
                    sequence: accepted.sequence, position: request.position,
                    requestID: accepted.requestID, rejection: nil)
            }
            keys[epoch, accepted.coupon] = loaded
        }
        keys.gate?.settled = to
        keys.gate?.queued += Int64(requests.count)
        self[partition] = keys
        return true
    }

    /// Rule 31.
    public mutating func open(_ row: PartitionRow, counted: Position, now: Timestamp) -> Bool {
        var keys = self[row.id]
        guard keys.isFenced(row.epoch), keys.gate?.settled == counted,
            row.identity?.replicationID == replicationID, hasTerm(row)
        else { return false }
        keys.gate?.isFenced = false
        keys.gate?.tail = 0
        keys.gate?.beat = 0
        keys.gate?.settled = row.cursor
        keys.trim(upTo: row.cursor)
        self[row.id] = keys
        events.append(keys.standingEvent(row.id, now, resolve: true, []))
        return true
    }

    /// Unlinks what earlier epochs left behind, `limit` coupons at most. Whether more is left.
    public mutating func sweep(_ partition: PartitionID, before epoch: Epoch, limit: Int) -> Bool {
        let keys = self[partition]
        let old = Set(keys.coupons.keys).union(keys.loads.keys).union(keys.visits.keys)
            .filter { $0.epoch < epoch }
            .sorted { ($0.epoch, $0.coupon) < ($1.epoch, $1.coupon) }
        for key in old.prefix(limit) { self[partition].drop(key) }
        return !old.isEmpty
    }

    /// Looks at so many holders at most, in the order of their epochs, coupons and users. As in Redis, all
    /// holders that are there all the time are seen.
    public func search(
        _ search: inout HolderSearch, partition: PartitionID, limit: Int = .max
    ) {
        let last = search.holderCursor.split(separator: " ").compactMap { Int64($0) }
        var rest: [(place: [Int64], user: UserID, holder: GateHolder)] = []
        for (key, loaded) in self[partition].coupons {
            for (user, holder) in loaded.holders {
                let place: [Int64] = [key.epoch, key.coupon.rawValue, user.rawValue]
                guard last.count < 3 || last.lexicographicallyPrecedes(place) else { continue }
                rest.append((place, user, holder))
            }
        }
        rest.sort { $0.place.lexicographicallyPrecedes($1.place) }
        for (place, user, holder) in rest.prefix(limit) {
            search.look(at: user, holder, of: CouponID(place[1]))
            search.holderCursor = "\(place[0]) \(place[1]) \(place[2])"
        }
        if rest.count <= limit { search.epochs = [] }
    }

    /// The number of holders of a partition, of all epochs.
    public func holderCount(of partition: PartitionID) -> Int {
        self[partition].coupons.values.reduce(0) { $0 + $1.holders.count }
    }
}

extension ModelRedis.Partition {
    /// The gate's entries and the foreign ids after an id.
    fileprivate func entries(behind id: String) -> ([ModelRedis.Entry], ArraySlice<String>) {
        if let index = foreign.firstIndex(of: id) { return ([], foreign[(index + 1)...]) }
        let numbers = id.split(separator: "-").compactMap { Int64($0) }
        guard numbers.count == 2 else { return ([], []) }
        let place = Position(epoch: numbers[0], n: numbers[1])
        return (queue.filter { $0.entry.position > place }, foreign[...])
    }

    /// Unlinks all that a coupon has in an epoch.
    mutating func drop(_ key: ModelRedis.Key) {
        coupons[key] = nil
        loads[key] = nil
        visits[key] = nil
    }
}

extension ModelRedis.Entry {
    /// As the daemon reads it.
    var item: QueueItem {
        isDamaged
            ? .damaged(
                DamagedEntry(position: entry.position, bytes: [0], reason: "damaged", holders: []))
            : .entry(entry)
    }
}
