/// Looking at gates: what they know of coupons and users.
public import CouponCore

extension RedisGateControl {
    /// The gate, and what it knows of a coupon and of one user.
    public func inspect(
        _ coupon: CouponID, partition: PartitionID, user: UserID?
    ) throws(BackendError) -> GateInspection {
        let inspections = try inspect([
            PartitionQuestions(partition, [StatusQuestion(coupon: coupon, user: user)])
        ])
        guard let inspection = inspections.first else {
            throw .redis(.unexpectedReply("inspect: nothing"))
        }
        return inspection
    }

    /// The same for many coupons and users of many partitions, in one round trip: one script for each
    /// partition.
    public func inspect(
        _ questions: [StatusQuestion], _ partitioning: Partitioning
    ) throws(BackendError) -> [GateInspection] {
        var groups: [PartitionID: [Int]] = [:]
        for (number, question) in questions.enumerated() {
            groups[partitioning.partition(of: question.coupon), default: []].append(number)
        }
        let asked = Array(groups)
        let answers = try inspect(
            asked.map { PartitionQuestions($0.key, $0.value.map { questions[$0] }) })
        var numbered = zip(asked.lazy.flatMap(\.value), answers).map { ($0, $1) }
        numbered.sort { $0.0 < $1.0 }
        return numbered.map(\.1)
    }

    /// One inspection for each question of each partition, in order.
    private func inspect(
        _ asked: [PartitionQuestions]
    ) throws(BackendError) -> [GateInspection] {
        dropIfClosed()
        return try perform { connection throws(BackendError) in
            // The keys are named by the epoch. If it is another one by now, the partition is asked again.
            var inspections = asked.map { _ in [GateInspection]() }
            var open = Array(asked.indices)
            while !open.isEmpty {
                let replies = try self.run(
                    open.map { asked[$0].evaluation(epoch: self.epochs[asked[$0].partition] ?? 0) },
                    on: connection)
                var moved: [Int] = []
                for (index, reply) in zip(open, replies) {
                    let partition = asked[index].partition
                    guard
                        let (epoch, answers) = asked[index].inspections(
                            reply, runID: self.runID)
                    else { throw .redis(.unexpectedReply("inspect: \(reply)")) }
                    inspections[index] = answers
                    if epoch != self.epochs[partition] ?? 0 { moved.append(index) }
                    self.epochs[partition] = epoch
                }
                open = moved
            }
            return inspections.flatMap(\.self)
        }
    }
}

/// What is asked of one partition's gate by one script.
private struct PartitionQuestions {
    let partition: PartitionID
    /// Each coupon once, with its questions' users.
    private var coupons: [(coupon: CouponID, users: [UserID])] = []
    /// For each question the place of its coupon, and of its user.
    private var places: [(coupon: Int, user: Int?)] = []

    init(_ partition: PartitionID, _ questions: [StatusQuestion]) {
        self.partition = partition
        var known: [CouponID: Int] = [:]
        for question in questions {
            let coupon = known[question.coupon] ?? coupons.count
            if coupon == coupons.count {
                known[question.coupon] = coupon
                coupons.append((question.coupon, []))
            }
            places.append((coupon, question.user.map { _ in coupons[coupon].users.count }))
            if let user = question.user { coupons[coupon].users.append(user) }
        }
    }

    func evaluation(epoch: Epoch) -> RedisGateControl.Evaluation {
        var keys = [Keys.gate(partition)]
        var arguments: [RedisGateControl.Argument] = []
        for (coupon, users) in coupons {
            keys += [Keys.record(coupon, partition, epoch), Keys.holders(coupon, partition, epoch)]
            var packed = ByteWriter(capacity: Layout.id * users.count)
            for user in users { packed.append(user) }
            arguments.append(.bytes(packed.bytes))
        }
        return .init(script: .inspect, keys: keys, arguments: arguments)
    }

    /// The gate's epoch, and the questions' answers in order; nil if the reply has another form.
    func inspections(_ reply: Reply, runID: String) -> (Epoch, [GateInspection])? {
        guard let parts = reply.elements, parts.count == 7 + 3 * coupons.count,
            let status = parts[0].integerValue.flatMap({ GateStatus(rawValue: UInt8(clamping: $0)) }
            ),
            let epoch = parts[1].integerValue, let settledEpoch = parts[2].integerValue,
            let settledN = parts[3].integerValue, let tail = parts[4].integerValue,
            let now = parts[5].integerValue, let replicationID = parts[6].text
        else { return nil }
        let identity = RedisIdentity(runID: runID, replicationID: replicationID)
        var found: [(isDamaged: Bool, record: GateRecord?, holders: [FoundHolder])] = []
        for (index, coupon) in coupons.enumerated() {
            let first = 7 + 3 * index
            let record = GateRecord(parts[first + 1])
            if record == nil && parts[first + 1] != .none { return nil }
            guard let bytes = parts[first + 2].bytesValue else { return nil }
            var reader = ByteReader(bytes)
            let holders = coupon.users.compactMap { _ in reader.foundHolder() }
            guard holders.count == coupon.users.count else { return nil }
            found.append((parts[first].integerValue != 0, record, holders))
        }
        let answers = places.map { place in
            let (isDamaged, record, holders) = found[place.coupon]
            let holder = place.user.map { holders[$0] } ?? .none
            return GateInspection(
                status: isDamaged || holder == .damaged ? .fenced : status, epoch: epoch,
                settled: Position(epoch: settledEpoch, n: settledN), tail: tail,
                now: Timestamp(microseconds: now), identity: identity, record: record,
                holder: holder.value)
        }
        return (epoch, answers)
    }
}

/// What the bytes of one holder say.
private enum FoundHolder: Equatable {
    case none, damaged
    case holder(GateHolder)

    var value: GateHolder? {
        if case .holder(let holder) = self { holder } else { nil }
    }
}

extension ByteReader {
    /// The next holder, as inspect.lua writes it; nil if the bytes are over or others.
    fileprivate mutating func foundHolder() -> FoundHolder? {
        switch byte() {
        case 0: return FoundHolder.none
        case 1:
            var bytes = self
            skip(Layout.holder)
            guard remaining >= 0 else { return nil }
            return bytes.holder().map { .holder($0) } ?? .damaged
        case 2: return .damaged
        default: return nil
        }
    }
}

extension GateRecord {
    /// From the reply of inspect.lua; nil if it has another form.
    init?(_ reply: Reply) {
        guard let parts = reply.elements, parts.count == 11 else { return nil }
        // Larger numbers are damage, and must not overflow when something is added.
        let numbers = parts.dropLast().compactMap(\.integerValue).map {
            min(max(-1, $0), Limits.maximumNumber)
        }
        guard numbers.count == 10, let state = CouponState(rawValue: UInt8(clamping: numbers[6]))
        else { return nil }
        let terms = CouponTerms(
            total: numbers[5] < 0 ? nil : numbers[5], state: state,
            window: Window(
                opens: Timestamp(microseconds: numbers[8]),
                closes: Timestamp(microseconds: numbers[9])),
            isSoldOut: numbers[7] != 0)
        self.init(
            version: numbers[0], rev: numbers[1], used: numbers[2], queued: numbers[3],
            nextSequence: numbers[4],
            cap: parts[10].integerValue.map { min(max(0, $0), Limits.maximumNumber) }, terms: terms)
    }
}
