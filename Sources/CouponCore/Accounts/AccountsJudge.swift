/// Judges the accounts of one coupon: what the gate gave out must be in the tables, or still in the queue.
///
/// Gate and tables are read one after the other, without locks. The comparison is still exact if `settled`
/// at the gate is the cursor of the tables: an acceptance raises used, queued and the next sequence together,
/// and everything else moves with the cursor. So `used - queued` and `next sequence - queued` do not change
/// between two commits, with any traffic.
public struct AccountsJudge: Sendable {
    private let ledger: LedgerAccounts
    private let gate: GateRecord?
    private let place: GatePlace
    private let queueRequests: Int64?

    /// - Parameters:
    ///   - ledger: the tables' side.
    ///   - gate: the coupon's record; nil if the gate does not hold it.
    ///   - place: where the gate stood when its record was read.
    ///   - queueRequests: how many requests for the coupon the queue has; nil if the queue was not read.
    public init(
        ledger: LedgerAccounts, gate: GateRecord?, place: GatePlace, queueRequests: Int64?
    ) {
        self.ledger = ledger
        self.gate = gate
        self.place = place
        self.queueRequests = queueRequests
    }

    /// Whether both sides were read at the same cursor, with no queue entry of an earlier epoch left: the
    /// user of such an entry may have a slot already.
    public var isComparable: Bool {
        place.isOpen && place.epoch == ledger.epoch && place.settled == ledger.cursor
            && ledger.cursor.epoch == ledger.epoch
    }

    /// All checks that these readings allow, in the order of a request's path.
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
        // Settle cannot subtract an unreadable entry from `queued`: nobody knows its coupon.
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
        // `resync` sets a cap at the coupon's total, or at the largest total: such a cap has no effect.
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

    /// A check that passes because the gate does not hold the coupon.
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
        /// About the gate's `used`.
        public static let slots = "the gate's used slots are issued, queued or dead-lettered"
        /// About the gate's `next_sequence`.
        public static let sequences = "every sequence that is not queued is decided"
        /// About the gate's `queued`.
        public static let queue = "the gate's queued requests are in the queue"
        /// About every decided sequence.
        public static let lost = "every decided sequence is issued, rejected or a dead letter"
        /// About the table of issues.
        public static let rows = "issued rows are as many as the coupon says"
        /// About the gate's copy of the coupon: a change has not reached it.
        public static let version = "the gate has the coupon's version"
        /// About the gate's copy of the coupon: its terms are not those of its version.
        public static let terms = "the gate has the coupon's terms"
        /// About the gate's cap: the lowering of a total was not finished.
        public static let cap = "no cap is left over at the gate"

        /// The rules that hold again when the gate gets the coupon again.
        public static let repairable: Set<String> = [version, terms, cap]
    }
}

extension CouponAudit {
    /// Judges whether these accounts add up.
    public var judge: AccountsJudge {
        AccountsJudge(ledger: accounts, gate: gate, place: place, queueRequests: queueRequests)
    }
}
