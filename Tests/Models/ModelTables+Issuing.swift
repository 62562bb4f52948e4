/// The issuing transaction as one step: what lies between its statements is the caller's to play.
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
        self[batch.partition] = PartitionRow(
            id: row.id, epoch: row.epoch, cursor: batch.to, identity: row.identity,
            installID: row.installID)
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
        for refusal in commit.refusals where !refusals.contains(where: { $0.isSame(as: refusal) }) {
            refusals.append(refusal)
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
        let holding = candidate.holding
        if let issue = issues[holding.coupon]?[holding.user] {
            decision.conflict(
                candidate,
                with: Holding(
                    coupon: holding.coupon, user: holding.user, sequence: issue.sequence,
                    requestID: issue.requestID))
        } else if isRefused(holding.user) {
            decision.deadLetter(candidate)
        } else {
            issues[holding.coupon, default: [:]][holding.user] = Issue(
                sequence: holding.sequence, requestID: holding.requestID, at: now)
        }
    }
}

extension Batch {
    /// The coupons concerned, each once, in the order in which they are locked.
    public var couponIDs: [CouponID] {
        var ids: Set<CouponID> = []
        for item in items {
            switch item {
            case .entry(let entry): ids.insert(entry.coupon)
            case .damaged(let damaged): ids.formUnion(damaged.holders.map(\.coupon))
            }
        }
        return ids.sorted()
    }
}

extension Refusal {
    /// Whether it is the same row.
    fileprivate func isSame(as other: Refusal) -> Bool {
        position == other.position && holding.sequence == other.holding.sequence
            && (reason == .deadLetter) == (other.reason == .deadLetter)
            && holding.coupon == other.holding.coupon
    }
}
