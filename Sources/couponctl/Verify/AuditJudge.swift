internal import CouponCore
internal import CouponWire

/// One statement about the accounts of a coupon, and whether it holds.
struct Check: Equatable {
    /// What must hold, in words.
    let rule: String
    /// The figures that were compared.
    let figures: String
    /// Whether it holds.
    let holds: Bool
    /// Whether it must hold at every moment, also while requests flow.
    var alwaysExact = false

    /// Two figures that must be the same.
    static func equal(_ rule: String, _ left: Int64, _ right: Int64) -> Check {
        Check(rule: rule, figures: "\(left) = \(right)", holds: left == right)
    }
}

/// The accounts of one coupon, judged: what the gate gave out, the tables must have, or the queue
/// still.
///
/// Gate, queue and tables are read one after the other, so that figures may differ while requests
/// flow; only what one snapshot of PostgreSQL says is exact at every moment.
struct AuditJudge {
    private let audit: CouponAudit

    init(_ audit: CouponAudit) { self.audit = audit }

    /// Accepted by the gate so far; where it has let the coupon go, the highest sequence that got a
    /// row.
    var accepted: Int64 {
        guard let gate = audit.gate else {
            return max(audit.accounts.highestSequence ?? 0, decided)
        }
        return gate.nextSequence - 1
    }

    /// Accepted and still in the queue.
    var queued: Int64 { audit.queueRequests }

    /// Accepted, and nowhere any more.
    var lost: Int64 { accepted - decided - queued }

    private var decided: Int64 { accounts.issued + accounts.rejected + accounts.deadLettered }
    private var accounts: LedgerAccounts { audit.accounts }

    /// Every statement, in the order of the way of a request.
    var checks: [Check] { gateChecks + [lostCheck] + tableChecks }

    private var gateChecks: [Check] {
        guard let gate = audit.gate else {
            return [.equal("a coupon that the gate let go has nothing queued", queued, 0)]
        }
        return [
            .equal("the gate's queued requests are in the queue", gate.queued, queued),
            .equal(
                "the gate's used slots are issued, queued or dead-lettered", gate.used,
                accounts.issued + gate.queued + accounts.deadLettered),
        ]
    }

    private var lostCheck: Check {
        Check(
            rule: "every accepted request is issued, queued, rejected or dead-lettered",
            figures: "\(accepted) = \(accounts.issued) + \(queued) + \(accounts.rejected)"
                + " + \(accounts.deadLettered), lost \(lost)",
            holds: lost == 0)
    }

    private var tableChecks: [Check] {
        let coupon = accounts.coupon
        return [
            exact(
                .equal("issued rows are as many as the coupon says", accounts.issued, coupon.issued)
            ),
            exact(
                Check(
                    rule: "no more is issued than the total",
                    figures: "\(accounts.issued) <= \(coupon.total.map { "\($0)" } ?? "unlimited")",
                    holds: accounts.issued <= coupon.total ?? .max)),
            exact(.equal("no sequence is issued twice", accounts.repeatedSequences, 0)),
        ]
    }

    private func exact(_ check: Check) -> Check {
        var check = check
        check.alwaysExact = true
        return check
    }
}

/// What became of judging a coupon.
enum Verdict: String {
    /// Everything adds up.
    case balanced = "OK"
    /// Something does not, and stays so.
    case breach = "BREACH"
    /// The figures moved at every look.
    case moving = "MOVING"
}

/// Judges readings one after the other, until one of them counts.
struct VerdictFinder {
    /// Readings at most.
    let patience: Int
    private(set) var readings = 0
    private var last: CouponAudit?

    init(patience: Int) { self.patience = patience }

    /// The verdict; nil where the coupon must be read again: a statement fails, but the figures
    /// still move.
    mutating func verdict(on audit: CouponAudit) -> Verdict? {
        readings += 1
        let failed = AuditJudge(audit).checks.filter { !$0.holds }
        if failed.isEmpty { return .balanced }
        if failed.contains(where: \.alwaysExact) || audit == last { return .breach }
        last = audit
        return readings < patience ? nil : .moving
    }
}
