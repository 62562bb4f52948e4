/// Inspections of gates: what they know of coupons and users.
public import CouponCore

extension RedisGateControl {
    /// The gate, and what it knows of a coupon and of one user.
    public func inspect(
        _ coupon: CouponID, partition: PartitionID, user: UserID?
    ) throws(BackendError) -> GateInspection {
        let asked = PartitionQuestions(partition, [StatusQuestion(coupon: coupon, user: user)])
        let inspections = try inspect([asked], at: try control(of: partition))
        guard let inspection = inspections[0].first else {
            throw .redis(.unexpectedReply("inspect: nothing"))
        }
        return inspection
    }

    /// The same for many coupons and users of many partitions: one script for each partition, and one round
    /// trip for each node. If a node is away, only the questions to it fail.
    public func inspect(
        _ questions: [StatusQuestion], _ partitioning: Partitioning
    ) -> [Result<GateInspection, BackendError>] {
        var groups: [PartitionID: [Int]] = [:]
        for (number, question) in questions.enumerated() {
            groups[partitioning.partition(of: question.coupon), default: []].append(number)
        }
        var results = questions.map { question -> Result<GateInspection, BackendError> in
            .failure(Self.noNode(of: partitioning.partition(of: question.coupon)))
        }
        for (node, groups) in byNode(Array(groups), { $0.key }) {
            let numbers = groups.flatMap(\.value)
            do throws(BackendError) {
                let asked = groups.map { partition, numbers in
                    PartitionQuestions(partition, numbers.map { questions[$0] })
                }
                let inspections = try inspect(asked, at: node).flatMap(\.self)
                for (number, inspection) in zip(numbers, inspections) {
                    results[number] = .success(inspection)
                }
            } catch {
                for number in numbers { results[number] = .failure(error) }
            }
        }
        return results
    }

    /// For each partition one inspection for each question, in order.
    private func inspect(
        _ asked: [PartitionQuestions], at node: NodeControl
    ) throws(BackendError) -> [[GateInspection]] {
        node.dropIfClosed()
        return try node.perform { connection throws(BackendError) in
            // The keys are named by the epoch. If it has changed by now, the partition is asked again.
            var inspections = asked.map { _ in [GateInspection]() }
            var open = Array(asked.indices)
            while !open.isEmpty {
                let replies = try node.run(
                    open.map { asked[$0].evaluation(epoch: self.epochs[asked[$0].partition] ?? 0) },
                    on: connection)
                var moved: [Int] = []
                for (index, reply) in zip(open, replies) {
                    let partition = asked[index].partition
                    guard
                        let (epoch, answers) = asked[index].inspections(
                            reply, runID: node.runID)
                    else { throw .redis(.unexpectedReply("inspect: \(reply)")) }
                    inspections[index] = answers
                    if epoch != self.epochs[partition] ?? 0 { moved.append(index) }
                    self.epochs[partition] = epoch
                }
                open = moved
            }
            return inspections
        }
    }
}

/// What is asked of one partition's gate by one script.
private struct PartitionQuestions {
    let partition: PartitionID
    /// Each coupon once, with its questions' users.
    private var coupons: [(coupon: CouponID, users: [UserID])] = []
    /// For each question the index of its coupon, and of its user.
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
        guard var fields = ReplyFields(reply),
            let status = fields.gateStatus(), let epoch = fields.integer(),
            let settled = fields.position(), let tail = fields.integer(),
            let now = fields.integer(), let replicationID = fields.text()
        else { return nil }
        var found: [FoundCoupon] = []
        for coupon in coupons {
            guard let answer = FoundCoupon(&fields, userCount: coupon.users.count) else {
                return nil
            }
            found.append(answer)
        }
        guard fields.isAtEnd else { return nil }
        let identity = RedisIdentity(runID: runID, replicationID: replicationID)
        let answers = places.map { place in
            let coupon = found[place.coupon]
            let holder = place.user.map { coupon.holders[$0] } ?? .none
            return GateInspection(
                status: coupon.isDamaged || holder == .damaged ? .fenced : status, epoch: epoch,
                settled: settled, tail: tail, now: Timestamp(microseconds: now),
                identity: identity, record: coupon.record, holder: holder.value)
        }
        return (epoch, answers)
    }
}

/// What a partition's gate has of one coupon.
private struct FoundCoupon {
    let isDamaged: Bool
    /// Nil if the gate does not hold the coupon, or if the record is damaged.
    let record: GateRecord?
    /// In the order of the users.
    let holders: [FoundHolder]

    /// The next coupon of the reply; nil if it has another form.
    init?(_ fields: inout ReplyFields, userCount: Int) {
        guard let isDamaged = fields.integer(), let record = fields.next(),
            let packed = fields.bytes()
        else { return nil }
        self.isDamaged = isDamaged != 0
        self.record = GateRecord(record)
        if self.record == nil && record != .none { return nil }
        var reader = ByteReader(packed)
        holders = (0..<userCount).compactMap { _ in reader.foundHolder() }
        guard holders.count == userCount else { return nil }
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
    /// The next holder, as inspect.lua writes it; nil if the bytes have ended or have another form.
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
        guard var fields = ReplyFields(reply),
            let version = fields.number(), let rev = fields.number(), let used = fields.number(),
            let queued = fields.number(), let nextSequence = fields.number(),
            let total = fields.number(), let state = fields.couponState(),
            let isSoldOut = fields.number(), let opens = fields.number(),
            let closes = fields.number(), let cap = fields.next(), fields.isAtEnd
        else { return nil }
        self.init(
            version: version, rev: rev, used: used, queued: queued, nextSequence: nextSequence,
            cap: cap.integerValue.map { min(max(0, $0), Limits.maximumNumber) },
            terms: CouponTerms(
                total: total < 0 ? nil : total, state: state,
                window: Window(
                    opens: Timestamp(microseconds: opens), closes: Timestamp(microseconds: closes)),
                isSoldOut: isSoldOut != 0))
    }
}

extension ReplyFields {
    /// A number of a record. Larger ones are damage, and must not overflow when something is added.
    fileprivate mutating func number() -> Int64? {
        integer().map { min(max(-1, $0), Limits.maximumNumber) }
    }

    fileprivate mutating func couponState() -> CouponState? {
        number().flatMap { CouponState(rawValue: UInt8(clamping: $0)) }
    }
}
