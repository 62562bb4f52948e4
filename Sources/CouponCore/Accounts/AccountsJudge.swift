/// The accounts of one coupon, judged: what the gate gave out, the tables must have, or the queue still.
///
/// Gate and tables are read one after the other and are never stopped. That is exact nevertheless where
/// `settled` at the gate is the cursor of the tables: an acceptance raises used, queued and the next
/// sequence together, and everything else moves with the cursor. So `used - queued` and
/// `next sequence - queued` stand still between two commits, whatever the traffic.
public struct AccountsJudge: Sendable {
    private let ledger: LedgerAccounts
    private let gate: GateRecord?
    private let place: GatePlace
    private let queueRequests: Int64?

    /// - Parameters:
    ///   - ledger: the tables' side.
    ///   - gate: the coupon's record; nil if the gate does not hold it.
    ///   - place: where the gate stood in the same reading.
    ///   - queueRequests: requests for the coupon found in the queue; nil if it was not read.
    public init(
        ledger: LedgerAccounts, gate: GateRecord?, place: GatePlace, queueRequests: Int64?
    ) {
        self.ledger = ledger
        self.gate = gate
        self.place = place
        self.queueRequests = queueRequests
    }

    /// Whether both sides were read at the same cursor, and nothing of an earlier epoch is left: such an
    /// entry may be of a user who has a slot already.
    public var isComparable: Bool {
        place.isOpen && place.epoch == ledger.epoch && place.settled == ledger.cursor
            && ledger.cursor.epoch == ledger.epoch
    }

    /// Every statement that can be made, in the order of the way of a request.
    public var checks: [Check] {
        (isComparable ? gateChecks : []) + cacheChecks + tableChecks
    }

    /// Accepted so far.
    public var accepted: Int64 { gate.map { $0.nextSequence - 1 } ?? ledger.coupon.lastSequence }

    /// Accepted and still in the queue.
    public var queued: Int64 { gate?.queued ?? 0 }

    private var gateChecks: [Check] {
        guard let gate else {
            return [.equal(Rule.queue, queueRequests ?? 0, 0)]
                + [Rule.slots, Rule.sequences].map(Self.notLoaded)
        }
        let held = ledger.coupon.issued + ledger.deadLettered
        let excess = gate.used - gate.queued - held
        var checks: [Check] = []
        if ledger.isComplete {
            checks.append(
                Check(
                    rule: Rule.slots,
                    figures: "\(gate.used) = \(ledger.coupon.issued) + \(gate.queued)"
                        + " + \(ledger.deadLettered)",
                    difference: excess < 0 ? excess : max(0, excess - ledger.unsynced)))
        }
        // An entry whose users nobody knew was never counted down.
        if ledger.unreadable == 0 {
            checks.append(
                .equal(
                    Rule.sequences, gate.nextSequence - 1 - gate.queued,
                    ledger.coupon.lastSequence))
            if let queued = queueRequests ?? (place.isDrained ? 0 : nil) {
                checks.append(
                    .equal(Rule.queue, gate.queued, queued))
            }
        }
        return checks
    }

    private var cacheChecks: [Check] {
        guard place.isOpen, place.epoch == ledger.epoch else { return [] }
        guard let gate else { return [Rule.version, Rule.terms, Rule.cap].map(Self.notLoaded) }
        let coupon = ledger.coupon
        // `resync` caps a coupon at its own total, and an unlimited one at the largest: that is none.
        let total = coupon.total ?? Limits.maximumTotal
        return [
            Check(
                rule: Rule.version, figures: "\(gate.version) = \(coupon.version)",
                difference: gate.version - coupon.version, force: .lasting),
            Check(
                rule: Rule.terms, figures: "version \(gate.version): \(gate.terms)",
                holds: gate.version != coupon.version || gate.terms == coupon.terms,
                force: .lasting),
            Check(
                rule: Rule.cap, figures: "\(gate.cap.map { "\($0)" } ?? "none")",
                holds: gate.cap.map { $0 >= total } ?? true, force: .lasting),
        ]
    }

    /// What holds of itself while the gate does not hold the coupon.
    private static func notLoaded(_ rule: String) -> Check {
        Check(rule: rule, figures: "not in the gate", difference: 0)
    }

    private var tableChecks: [Check] {
        let coupon = ledger.coupon
        let rows = ledger.rows.map { rows in
            [
                Check.equal(Rule.rows, rows.count, coupon.issued, .exact),
                .equal("no sequence is issued twice", rows.repeated, 0, .exact),
            ]
        }
        let total = Check(
            rule: "no more is issued than the total",
            figures: "\(coupon.issued) <= \(coupon.total.map { "\($0)" } ?? "unlimited")",
            holds: coupon.issued <= coupon.total ?? .max, force: .exact)
        return (ledger.isComplete ? [lostCheck] : []) + [total] + (rows ?? [])
    }

    private var lostCheck: Check {
        Check(
            rule: Rule.lost,
            figures: "\(ledger.coupon.lastSequence) = \(ledger.coupon.issued)"
                + " + \(ledger.rejected) + \(ledger.deadLettered) + \(ledger.discarded),"
                + " lost \(ledger.lost)",
            difference: ledger.lost > 0 && ledger.isLossDocumented ? 0 : ledger.lost,
            force: .exact)
    }
}

extension AccountsJudge {
    /// Rules that other code refers to.
    public enum Rule {
        /// Of the gate's `used`.
        public static let slots = "the gate's used slots are issued, queued or dead-lettered"
        /// Of the gate's `next_sequence`.
        public static let sequences = "every sequence that is not queued is decided"
        /// Of the gate's `queued`.
        public static let queue = "the gate's queued requests are in the queue"
        /// Of every decided sequence.
        public static let lost = "every decided sequence is issued, rejected or a dead letter"
        /// Of the table of issues.
        public static let rows = "issued rows are as many as the coupon says"
        /// Of the shared cache: a change has not reached it.
        public static let version = "the gate has the coupon's version"
        /// Of the shared cache: what that version says.
        public static let terms = "the gate has the coupon's terms"
        /// Of the shared cache: a lowering that was not finished.
        public static let cap = "no cap is left over at the gate"

        /// What telling the gate once more sets right.
        public static let repairable: Set<String> = [version, terms, cap]
    }
}

extension CouponAudit {
    /// Whether they add up.
    public var judge: AccountsJudge {
        AccountsJudge(ledger: accounts, gate: gate, place: place, queueRequests: queueRequests)
    }
}
