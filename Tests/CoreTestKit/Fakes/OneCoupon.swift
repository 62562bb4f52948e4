/// Gate calls, replies and queue entries of one coupon, as most tests need them.
public import CouponCore

extension QueueEntry {
    /// An entry of one coupon.
    public init(
        position: Position, coupon: CouponID, firstSequence: Int64, acceptedAt: Timestamp,
        requests: [EntryRequest]
    ) {
        self.init(
            position: position, acceptedAt: acceptedAt,
            coupons: [.init(coupon: coupon, firstSequence: firstSequence, requests: requests)])
    }
}

extension GateCall {
    /// A call that asks about one coupon.
    public init(
        partition: PartitionID, epoch: Epoch, identity: RedisIdentity, floor: Int64,
        coupon: CouponID, requests: [GateRequest]
    ) {
        self.init(
            partition: partition, epoch: epoch, identity: identity, floor: floor,
            questions: [GateQuestion(coupon: coupon, requests: requests)])
    }

    /// The requests of all its questions.
    public var requests: [GateRequest] { questions.flatMap(\.requests) }
}

extension GateReply {
    /// A reply to a call that asks about one coupon.
    public init(
        epoch: Epoch, rev: Int64, version: Int64, now: Timestamp, door: Door, settled: Position,
        tail: Int64, verdicts: [GateVerdict]
    ) {
        self.init(
            epoch: epoch, tail: tail, settled: settled, now: now,
            results: [
                .judged(GateJudgement(rev: rev, version: version, door: door, verdicts: verdicts))
            ])
    }

    /// The judgements of the coupons that the gate holds, in order.
    public var judgements: [GateJudgement] {
        results.compactMap { if case .judged(let judgement) = $0 { judgement } else { nil } }
    }

    /// All verdicts, in order.
    public var verdicts: [GateVerdict] { judgements.flatMap(\.verdicts) }
}

extension GateAnswer {
    /// The answer to a call that asks about one coupon, if the gate does not hold it.
    public static func notLoaded(rev: Int64, now: Timestamp, epoch: Epoch = 1) -> GateAnswer {
        .one(.notLoaded(rev: rev), epoch: epoch, now: now)
    }

    /// The answer to a call that asks about one coupon, if the backlog limit is reached.
    public static func exhausted(now: Timestamp, epoch: Epoch = 1) -> GateAnswer {
        .one(.exhausted, epoch: epoch, now: now)
    }

    /// Whether the backlog limit is reached.
    public var isExhausted: Bool { has { $0 == .exhausted } }

    /// Whether the gate does not hold the coupon.
    public var isNotLoaded: Bool {
        has { if case .notLoaded = $0 { true } else { false } }
    }

    private func has(_ isSo: (GateResult) -> Bool) -> Bool {
        if case .reply(let reply) = self { reply.results.contains(where: isSo) } else { false }
    }

    private static func one(_ result: GateResult, epoch: Epoch, now: Timestamp) -> GateAnswer {
        .reply(GateReply(epoch: epoch, tail: 0, settled: .zero, now: now, results: [result]))
    }
}
