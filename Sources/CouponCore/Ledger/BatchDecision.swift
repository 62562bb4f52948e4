/// The rule for issuing a batch: first in, first out, while quantity lasts; judged on locked coupons.
///
/// Draining judges existence and quantity only: state and window were judged at acceptance (rule 19). The
/// caller inserts the `nextCandidates`, reports which of them met an existing row, and repeats until there
/// are none. A candidate that met a row used no quantity, so the next one in line gets its chance. Normally
/// one round is enough.
public struct BatchDecision {
    /// A request to insert, or an inserted one.
    public struct Candidate: Equatable, Sendable {
        /// The request.
        public let accepted: AcceptedRequest
        /// Where it was queued.
        public let position: Position
        /// When the gate accepted it.
        public let acceptedAt: Timestamp
    }

    private struct Account {
        var coupon: Coupon
        var requests: Int64 = 0
        /// Inserted by this batch, or named as a candidate and not yet reported.
        var taken: Int64 = 0
        var waiting: ArraySlice<Candidate> = []

        mutating func reserve(_ count: Int, upTo sequence: Int64) {
            requests += Int64(count)
            coupon.lastSequence = max(coupon.lastSequence, sequence)
        }
    }

    private var accounts: [CouponID: Account] = [:]
    private var missing: [CouponID: Int64] = [:]
    /// The coupons of the batch, each once, in their order.
    private var order: [CouponID] = []
    private var concerned: Set<CouponID> = []
    private var rejections: [Rejection] = []

    /// - Parameters:
    ///   - items: whole queue entries, in order.
    ///   - coupons: the coupons concerned, locked; those missing in PostgreSQL are left out.
    public init(items: [QueueItem], coupons: [Coupon]) {
        for coupon in coupons { accounts[coupon.id] = Account(coupon: coupon) }
        for item in items {
            switch item {
            case .entry(let entry): add(entry)
            case .damaged(let damaged): add(damaged)
            }
        }
    }

    private mutating func add(_ entry: QueueEntry) {
        for queued in entry.coupons {
            let last = queued.firstSequence + Int64(queued.requests.count) - 1
            count(queued.requests.count, of: queued.coupon, upTo: last)
            let candidates = queued.acceptedRequests.lazy.map { accepted in
                Candidate(
                    accepted: accepted, position: entry.position, acceptedAt: entry.acceptedAt)
            }
            if accounts[queued.coupon]?.waiting.append(contentsOf: candidates) == nil {
                for candidate in candidates { refuse(candidate, .notFound) }
            }
        }
    }

    private mutating func add(_ damaged: DamagedEntry) {
        for accepted in damaged.holders {
            count(1, of: accepted.coupon, upTo: accepted.sequence)
            rejections.append(
                Rejection(
                    accepted: accepted, position: damaged.position, reason: .deadLetter, issued: nil
                ))
        }
    }

    /// Counts decided requests of a coupon, which may be missing.
    private mutating func count(_ requests: Int, of coupon: CouponID, upTo sequence: Int64) {
        if accounts[coupon]?.reserve(requests, upTo: sequence) == nil {
            missing[coupon, default: 0] += Int64(requests)
        }
        if concerned.insert(coupon).inserted { order.append(coupon) }
    }

    private mutating func refuse(
        _ candidate: Candidate, _ reason: RejectionReason, issued: AcceptedRequest? = nil
    ) {
        rejections.append(
            Rejection(
                accepted: candidate.accepted, position: candidate.position, reason: reason,
                issued: issued))
    }

    /// The requests to insert next, in order, while quantity lasts; empty at the end.
    public mutating func nextCandidates() -> [Candidate] {
        var candidates: [Candidate] = []
        for id in order {
            guard var account = accounts[id] else { continue }
            let room = account.coupon.remaining.map { $0 - account.taken } ?? .max
            let count = min(Int(clamping: room), account.waiting.count)
            candidates += account.waiting.prefix(count)
            account.waiting = account.waiting.dropFirst(count)
            account.taken += Int64(count)
            accounts[id] = account
        }
        return candidates
    }

    /// A candidate met a row. The same request is issued already; another one is a rejection.
    /// - Parameter row: what the table holds for this coupon and user.
    public mutating func conflict(_ candidate: Candidate, with row: AcceptedRequest) {
        accounts[candidate.accepted.coupon]?.taken -= 1
        let accepted = candidate.accepted
        if row.requestID != accepted.requestID || row.sequence != accepted.sequence {
            refuse(candidate, .alreadyIssued, issued: row)
        }
    }

    /// A candidate cannot be inserted at all: it goes to the dead letters (promise 8).
    public mutating func deadLetter(_ candidate: Candidate) {
        accounts[candidate.accepted.coupon]?.taken -= 1
        refuse(candidate, .deadLetter)
    }

    /// What the transaction writes besides the inserts, and what settle gets.
    ///
    /// Requests without quantity are rejected; a coupon that is sold out now gets a new version.
    public consuming func finish() -> Commit {
        var coupons: [SettledCoupon] = []
        var inserted: Int64 = 0
        for id in order {
            guard var account = accounts[id] else {
                coupons.append(SettledCoupon(id: id, coupon: nil, requests: missing[id] ?? 0))
                continue
            }
            for candidate in account.waiting { refuse(candidate, .soldOut) }
            let wasSoldOut = account.coupon.isSoldOut
            account.coupon.issued += account.taken
            inserted += account.taken
            if account.coupon.isSoldOut && !wasSoldOut { account.coupon.version += 1 }
            coupons.append(
                SettledCoupon(id: id, coupon: account.coupon, requests: account.requests))
        }
        return Commit(coupons: coupons, rejections: rejections, issued: Int(inserted))
    }
}
