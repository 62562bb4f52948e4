/// Gate, queue and tables in memory, by the rules, for what the random walk asks of a worker. It loses
/// nothing: so every answer that the worker gives can be held against it.
import CouponCore
import FakeGate

struct ModelGate {
    struct Accepted {
        let holding: Holding
        let position: Position
        var end: UserStanding?
    }

    private(set) var epoch: Epoch = 1
    private var tail: Int64 = 0
    private(set) var settled = Position(epoch: 1, n: 0)
    private var used: [CouponID: Int] = [:]
    private var revs: [CouponID: Int64] = [:]
    private var sequences: [CouponID: Int64] = [:]
    private var holders: [CouponID: [UserID: RequestID]] = [:]
    private(set) var accepted: [RequestID: Accepted] = [:]
    private var queue: [(position: Position, requests: [RequestID])] = []
    var loaded: Set<CouponID> = []
    let total = 15

    /// What the gate answers to a call, and what the call does.
    mutating func judge(_ call: GateCall, now: Timestamp) -> GateAnswer {
        if call.epoch != epoch { return .stale(.open, epoch: epoch) }
        if tail < call.floor { return .rolledBack }
        if !loaded.contains(call.coupon) { return .notLoaded }
        let position = Position(epoch: epoch, n: tail + 1)
        var fresh: [RequestID] = []
        let verdicts = call.requests.map { request in
            judge(request, call.coupon, position, now: now, &fresh)
        }
        if !fresh.isEmpty {
            tail += 1
            queue.append((position, fresh))
        }
        return .reply(
            GateReply(
                epoch: epoch, rev: revs[call.coupon, default: 1], version: 1, now: now,
                door: door(of: call.coupon), settled: settled, tail: tail, verdicts: verdicts))
    }

    private mutating func judge(
        _ request: GateRequest, _ coupon: CouponID, _ position: Position, now: Timestamp,
        _ fresh: inout [RequestID]
    ) -> GateVerdict {
        if now > request.notAfter { return .expired }
        if let known = holders[coupon]?[request.user], let first = accepted[known] {
            let sequence = first.holding.sequence
            if known == request.requestID {
                if case .rejected(_, _, let reason)? = first.end {
                    return .rejected(sequence: sequence, reason: reason)
                }
                return .replayed(sequence: sequence, position: first.position)
            }
            if case .rejected? = first.end {
            } else {
                return .duplicate(
                    sequence: sequence, state: first.end == nil ? .queued : .issued,
                    position: first.position)
            }
        }
        if used[coupon, default: 0] >= total { return .soldOut }
        used[coupon, default: 0] += 1
        sequences[coupon, default: 0] += 1
        holders[coupon, default: [:]][request.user] = request.requestID
        let holding = Holding(
            coupon: coupon, user: request.user, sequence: sequences[coupon, default: 0],
            requestID: request.requestID)
        accepted[request.requestID] = Accepted(holding: holding, position: position)
        fresh.append(request.requestID)
        return .accepted(sequence: holding.sequence, position: position)
    }

    private func door(of coupon: CouponID) -> Door {
        used[coupon, default: 0] >= total ? .closed(.full) : .open
    }

    /// Commits the oldest entry, rejecting some of it, and settles; nil where there is nothing.
    mutating func drain(
        now: Timestamp, partition: PartitionID, rejecting isRejected: (RequestID) -> Bool
    ) -> CompletionEvent? {
        let from = settled
        var rejections: [CompletionEvent.Rejection] = []
        var coupon: CouponID?
        if let entry = queue.first, entry.position.epoch < epoch || settled.epoch == epoch {
            queue.removeFirst()
            settled = entry.position
            for id in entry.requests {
                guard let holding = accepted[id]?.holding else { continue }
                coupon = holding.coupon
                if isRejected(id) {
                    accepted[id]?.end = .rejected(
                        sequence: holding.sequence, requestID: id, reason: .soldOut)
                    rejections.append(
                        .init(
                            coupon: holding.coupon, sequence: holding.sequence, reason: .soldOut))
                    used[holding.coupon, default: 0] -= 1
                    revs[holding.coupon, default: 1] += 1
                } else {
                    accepted[id]?.end = .issued(
                        sequence: holding.sequence, requestID: id, at: now)
                }
            }
        } else if settled.epoch < epoch {
            settled = Position(epoch: epoch, n: 0)
        }
        return CompletionEvent(
            partition: partition, epoch: epoch, from: from, to: settled, issuedAt: now,
            resolve: false,
            coupons: coupon.map {
                [
                    .init(
                        coupon: $0, rev: revs[$0, default: 1], version: 1, door: door(of: $0))
                ]
            } ?? [], rejections: rejections)
    }

    /// A rebuild: a new epoch, nothing lost.
    mutating func rebuild() {
        epoch += 1
        tail = 0
        revs = [:]
        loaded = []
    }

    /// What PostgreSQL says of these.
    func decide(_ questions: [Holding]) -> Decisions {
        Decisions(cursor: settled, standings: questions.map { accepted[$0.requestID]?.end })
    }
}
