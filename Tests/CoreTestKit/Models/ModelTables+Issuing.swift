/// The issuing transaction as one step: the caller plays what happens between its statements.
public import CouponCore

extension ModelTables {
    /// Whether the fence lets a batch through: the first statement of the transaction.
    public func isFenced(_ batch: Batch) -> Bool {
        self[batch.partition].epoch != batch.epoch || self[batch.partition].cursor != batch.from
    }

    /// Rule 19: moves the cursor and issues, by the domain's own rule.
    /// - Parameter isRefused: whether PostgreSQL refuses this user's row for its data.
    public mutating func issue(
        _ batch: Batch, now: Timestamp, isRefused: (UserID) -> Bool
    ) -> Commit {
        let row = self[batch.partition]
        self[batch.partition] = row.withCursor(batch.to)
        var decision = BatchDecision(items: batch.items, coupons: coupons(batch.couponIDs))
        while true {
            let candidates = decision.nextCandidates()
            if candidates.isEmpty { break }
            for candidate in candidates {
                insert(candidate, &decision, now, isRefused)
            }
        }
        var commit = decision.finish()
        commit.issuedAt = commit.coupons.contains { $0.coupon != nil } ? now : .zero
        for rejection in commit.rejections
        where !rejections.contains(where: { $0.isSame(as: rejection) }) {
            rejections.append(rejection)
            if rejection.reason == .deadLetter {
                letters.append(Letter(id: Int64(letters.count + 1), rejection: rejection))
            }
        }
        for coupon in commit.coupons.compactMap(\.coupon) {
            coupons[coupon.id]?.issued = coupon.issued
            coupons[coupon.id]?.lastSequence = coupon.lastSequence
            coupons[coupon.id]?.version = coupon.version
        }
        return commit
    }

    private mutating func insert(
        _ candidate: BatchDecision.Candidate, _ decision: inout BatchDecision, _ now: Timestamp,
        _ isRefused: (UserID) -> Bool
    ) {
        let accepted = candidate.accepted
        if let issue = issues[accepted.coupon]?[accepted.user] {
            decision.conflict(
                candidate,
                with: AcceptedRequest(
                    coupon: accepted.coupon, user: accepted.user, sequence: issue.sequence,
                    requestID: issue.requestID))
        } else if isRefused(accepted.user) {
            decision.deadLetter(candidate)
        } else {
            issues[accepted.coupon, default: [:]][accepted.user] = Issue(
                sequence: accepted.sequence, requestID: accepted.requestID, at: now)
        }
    }
}

extension Batch {
    /// The coupons concerned, each once, in the order in which they are locked.
    public var couponIDs: [CouponID] { Set(items.flatMap(\.coupons)).sorted() }
}

extension Rejection {
    /// Whether it is the same row.
    fileprivate func isSame(as other: Rejection) -> Bool {
        position == other.position && accepted.sequence == other.accepted.sequence
            && (reason == .deadLetter) == (other.reason == .deadLetter)
            && accepted.coupon == other.accepted.coupon
    }
}
