/// Checks the accounts of a few coupons each second, and repairs what the tables alone can decide.
///
/// Each daemon checks the coupons of its partitions, and what its own workers remember of any coupon. It
/// takes no locks; `AccountsJudge` says why its figures are exact. If a gate differs from the tables, the
/// outbox sends it the coupon again; if the gate is ahead, PostgreSQL went back, which is also an alarm.
/// Everything else is reported, with the sequences concerned. What fails is tried again at a later look,
/// and a failure of one coupon does not delay others. Blocking, and confined to one thread.
public final class Auditor {
    /// What an auditor reports.
    public enum News: Equatable, Sendable {
        /// The accounts of a coupon were looked at.
        case looked(CouponID)
        /// The accounts certainly do not add up; with the sequences concerned, as far as they are known.
        case drift(CouponID, Check, sequences: [ClosedRange<Int64>])
        /// The accounts add up again.
        case mended(CouponID)
        /// The gate differs from the tables; the outbox sends it the coupon again.
        case resyncRequested(CouponID, Check)
        /// The gate has a change that the tables have lost.
        case wentBack(CouponID, Check)
        /// Something could not be read or done now.
        case failed(CouponID?, BackendError)
    }

    /// After so many failures of a server in a row this second's look ends: each further coupon would take as
    /// long to fail. A failure that one coupon causes does not repeat with the next one.
    private static let failureLimit = 3
    /// How often the auditor tries to find the sequences concerned; after that it reports the drift without
    /// them.
    private static let searches = 3
    private static let bounds = AccountsBounds(rows: -1, rejections: Limits.auditedRejections)

    private let store: any AuditStore
    private let gates: any AuditGate
    private let partitioning: Partitioning
    private let owns: (PartitionID) -> Bool
    private let report: (News) -> Void
    private var book = AuditBook()
    private var rows = RowWalk()
    /// How far the round over all coupons has come.
    private var walked = CouponID(0)
    private var failures = 0

    /// The state of coupons at the gate at the last look. A worker that remembers an older state has missed
    /// an event.
    public private(set) var standings: [GateStanding] = []

    /// How many coupons certainly do not add up.
    public var drifting: Int { book.drifting }

    /// - Parameters:
    ///   - owns: whether this daemon owns a partition now.
    ///   - report: is called with each report.
    public init(
        store: any AuditStore, gates: any AuditGate, partitioning: Partitioning,
        owns: @escaping (PartitionID) -> Bool, report: @escaping (News) -> Void
    ) {
        self.store = store
        self.gates = gates
        self.partitioning = partitioning
        self.owns = owns
        self.report = report
    }

    /// Does one second's work.
    public func look() {
        book.keep { owns(partitioning.partition(of: $0)) }
        standings = []
        failures = 0
        let suspects = book.suspects
        attempt(nil) { () throws(BackendError) in try look(at: suspects) }
        attempt(nil) { () throws(BackendError) in try walk(past: Set(suspects)) }
        attempt(nil) { () throws(BackendError) in try countRows() }
    }

    private func attempt(_ coupon: CouponID?, _ body: () throws(BackendError) -> Void) {
        guard failures < Self.failureLimit else { return }
        do throws(BackendError) {
            try body()
            if coupon != nil { failures = 0 }
        } catch {
            failures = error.isOfAServer ? failures + 1 : 0
            report(.failed(coupon, error))
        }
    }

    private func look(at suspects: [CouponID]) throws(BackendError) {
        let due = try store.accounts(of: suspects, Self.bounds)
        for ledger in due {
            attempt(ledger.coupon.id) { () throws(BackendError) in try look(at: ledger) }
        }
    }

    /// Checks the next coupons; if a look ends early, the next one continues there.
    private func walk(past suspects: Set<CouponID>) throws(BackendError) {
        let last = walked
        let due = try store.accounts(after: last, limit: Limits.auditedCoupons, Self.bounds)
        if due.isEmpty { walked = CouponID(0) }
        for ledger in due where failures < Self.failureLimit {
            walked = ledger.coupon.id
            if suspects.contains(ledger.coupon.id) { continue }
            attempt(ledger.coupon.id) { () throws(BackendError) in try look(at: ledger) }
        }
    }

    private func look(at ledger: LedgerAccounts) throws(BackendError) {
        let coupon = ledger.coupon.id
        let partition = partitioning.partition(of: coupon)
        let view = try gates.inspect(coupon, partition: partition, user: nil)
        if let record = view.record, view.status == .open {
            standings.append(GateStanding(coupon: coupon, epoch: view.epoch, rev: record.rev))
        }
        guard owns(partition) else { return }
        report(.looked(coupon))
        let judge = AccountsJudge(
            ledger: ledger, gate: view.record, place: view.place, queueRequests: nil)
        for finding in book.apply(judge.checks, of: coupon) { try act(on: finding, ledger, view) }
    }

    private func countRows() throws(BackendError) {
        let limit = Limits.auditedRows
        let (coupon, user) = (rows.coupon, rows.user)
        if coupon.rawValue > 0, owns(partitioning.partition(of: coupon)) {
            let slice = try store.rows(of: coupon, after: user, limit: limit)
            let (isDone, check) = rows.apply(slice, limit: limit)
            for finding in check.map({ book.apply([$0], of: coupon) }) ?? [] {
                if case .drift(let check, _) = finding { reportDrift(check, coupon, []) }
            }
            if !isDone { return }
        }
        let next = try store.coupons(after: coupon, limit: 1)
        rows.begin(next.first?.id)
    }

    // MARK: Drift

    private func act(
        on finding: AuditBook.Finding, _ ledger: LedgerAccounts, _ view: GateInspection
    ) throws(BackendError) {
        let coupon = ledger.coupon.id
        switch finding {
        case .mended: report(.mended(coupon))
        case .drift(let check, _) where AccountsJudge.Rule.repairable.contains(check.rule):
            try requestResync(check, coupon, view)
        case .drift(let check, let attempt):
            do throws(BackendError) {
                reportDrift(check, coupon, try sequences(check, ledger, view))
            } catch {
                if attempt < Self.searches { throw error }
                reportDrift(check, coupon, [])
            }
        }
    }

    /// Adds the coupon to the outbox, with a version above the gate's if needed.
    private func requestResync(
        _ check: Check, _ coupon: CouponID, _ view: GateInspection
    ) throws(BackendError) {
        let isAhead = check.rule == AccountsJudge.Rule.version && check.difference > 0
        if isAhead {
            // The tables are read after the gate, and the gate only gets committed changes. So a change in
            // flight does not explain a later version at the gate (rule 48).
            let known = try store.coupon(coupon)?.version
            guard let known, let version = view.record?.version, known < version else { return }
        }
        let isSameVersion = check.rule == AccountsJudge.Rule.terms
        try store.requestResync(
            coupon, above: isAhead || isSameVersion ? view.record?.version : nil)
        book.actedOn(check.rule, of: coupon)
        if isAhead { report(.wentBack(coupon, check)) }
        report(.resyncRequested(coupon, check))
    }

    private func reportDrift(
        _ check: Check, _ coupon: CouponID, _ sequences: [ClosedRange<Int64>]
    ) {
        book.actedOn(check.rule, of: coupon)
        report(.drift(coupon, check, sequences: sequences))
    }

    /// The sequences concerned, ten at most; none if they are unknown.
    private func sequences(
        _ check: Check, _ ledger: LedgerAccounts, _ view: GateInspection
    ) throws(BackendError) -> [ClosedRange<Int64>] {
        let coupon = ledger.coupon.id
        switch check.rule {
        case AccountsJudge.Rule.lost where ledger.coupon.issued <= Limits.auditedRowsOnDemand:
            return try store.missingSequences(of: coupon, limit: 10)
        case AccountsJudge.Rule.slots:
            return try slotsWithoutRows(of: coupon, view)
        default: return []
        }
    }

    /// Sequences of holders with a slot at the gate that the tables do not have.
    private func slotsWithoutRows(
        of coupon: CouponID, _ view: GateInspection
    ) throws(BackendError) -> [ClosedRange<Int64>] {
        let partition = partitioning.partition(of: coupon)
        let holders = try gates.holders(
            of: coupon, partition: partition, epoch: view.epoch, limit: Limits.auditedHolders)
        let settled = holders.filter { $0.holder.hasSlot && $0.holder.position <= view.settled }
            .map {
                AcceptedRequest(
                    coupon: coupon, user: $0.user, sequence: $0.holder.sequence,
                    requestID: $0.holder.requestID)
            }
        let decisions = try store.decisions(settled, in: partition)
        return zip(settled, decisions.standings).filter { $0.1 == nil }
            .map { $0.0.sequence }.sorted().prefix(10).map { $0...$0 }
    }
}

extension BackendError {
    /// Whether the next coupon is likely to fail too.
    fileprivate var isOfAServer: Bool {
        switch self {
        case .redis(.unexpectedReply): false
        case .postgres(.sessionLost), .postgres(.unreachable), .redis: true
        case .postgres, .overtaken, .answer: false
        }
    }
}
