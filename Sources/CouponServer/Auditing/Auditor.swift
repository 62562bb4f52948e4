/// Looks at the accounts of a few coupons each second, all the time, and sets right what can be derived.
///
/// Each daemon looks at the coupons of the partitions that it owns, and at what its own workers remember
/// of any coupon. It stops nobody: see `AccountsJudge` for why its figures are exact all the same. A gate
/// that has not what the tables say of a coupon is told once more, by the note that every change leaves;
/// where it is ahead of them PostgreSQL went back, which is an alarm as well. Everything else is told to
/// people: in the log, with the sequences concerned, and by a gauge that is 0 at rest.
internal import CoreMetrics
internal import CouponCore
internal import Logging
internal import Metrics

struct Auditor {
    private let owns: @Sendable (PartitionID) -> Bool
    private let drift = Gauge(label: "coupond_drift")
    private let repairs = Counter(label: "coupond_drift_repairs_total")
    private let setbacks = Counter(label: "coupond_postgres_went_back_total")
    private let audited = Counter(label: "coupond_audited_coupons_total")
    private var book = AuditBook()
    private var rows = RowWalk()
    /// Where the walk over all coupons stands.
    private var walked = CouponID(0)
    /// How coupons stood at the gate a second ago: a worker that is behind even that missed an event.
    private var standings: [GateStanding] = []

    init(owns: @escaping @Sendable (PartitionID) -> Bool) {
        self.owns = owns
        drift.record(0)
    }

    /// One second's work.
    mutating func look(_ catalog: isolated Catalog, _ roster: Roster) throws(Failure) {
        let partitioning = catalog.partitioning
        let owns = self.owns
        book.keep { owns(partitioning.partition(of: $0)) }
        let told = standings
        standings = []
        roster.each { desk in desk.withWorker { $0.audit(told) } }
        for ledger in try due(catalog) { try look(at: ledger, catalog) }
        try countRows(catalog)
        drift.record(book.drifting)
    }

    /// The suspects, and the next coupons of the walk.
    private mutating func due(_ catalog: isolated Catalog) throws(Failure) -> [LedgerAccounts] {
        let bounds = AccountsBounds(rows: -1, refusals: Limits.auditedRefusals)
        let (suspects, last) = (book.suspects, walked)
        let found = try catalog.keeper.ledger { () throws(LedgerError) in
            try catalog.store.accounts(of: suspects, bounds)
        }
        let next = try catalog.keeper.ledger { () throws(LedgerError) in
            try catalog.store.accounts(after: last, limit: Limits.auditedCoupons, bounds)
        }
        walked = next.last?.coupon.id ?? CouponID(0)
        let known = Set(suspects)
        return found + next.filter { !known.contains($0.coupon.id) }
    }

    private mutating func look(
        at ledger: LedgerAccounts, _ catalog: isolated Catalog
    ) throws(Failure) {
        let coupon = ledger.coupon.id
        let partition = catalog.partitioning.partition(of: coupon)
        let view = try catalog.keeper.gate { () throws(GateControlError) in
            try catalog.gates.inspect(coupon, partition: partition, user: nil)
        }
        if let record = view.record, view.status == .open {
            standings.append(GateStanding(coupon: coupon, epoch: view.epoch, rev: record.rev))
        }
        guard owns(partition) else { return }
        audited.increment()
        let judge = AccountsJudge(
            ledger: ledger, gate: view.record, place: view.place, queueRequests: nil)
        for finding in book.take(judge.checks, of: coupon) {
            try act(on: finding, ledger, view, catalog)
        }
    }

    private mutating func countRows(_ catalog: isolated Catalog) throws(Failure) {
        let limit = Limits.auditedRows
        let (coupon, user) = (rows.coupon, rows.user)
        if coupon.rawValue > 0, owns(catalog.partitioning.partition(of: coupon)) {
            let slice = try catalog.keeper.ledger { () throws(LedgerError) in
                try catalog.store.rows(of: coupon, after: user, limit: limit)
            }
            let (isDone, check) = rows.take(slice, limit: limit)
            for finding in check.map({ book.take([$0], of: coupon) }) ?? [] {
                if case .drift(let check) = finding { report(check, coupon, [], catalog) }
            }
            if !isDone { return }
        }
        let next = try catalog.keeper.ledger { () throws(LedgerError) in
            try catalog.store.coupons(after: coupon, limit: 1)
        }
        rows.begin(next.first?.id)
    }

    // MARK: Drift

    private func act(
        on finding: AuditBook.Finding, _ ledger: LedgerAccounts, _ view: GateInspection,
        _ catalog: isolated Catalog
    ) throws(Failure) {
        let coupon = ledger.coupon.id
        switch finding {
        case .mended:
            catalog.logger.notice(
                "the accounts of a coupon add up again",
                metadata: ["coupon": "\(coupon.rawValue)"])
        case .drift(let check) where AccountsJudge.Rule.repairable.contains(check.rule):
            try tellAgain(check, coupon, view, catalog)
        case .drift(let check):
            report(check, coupon, try sequences(check, ledger, view, catalog), catalog)
        }
    }

    /// Leaves a note that the gate must be told, above what it has if need be.
    private func tellAgain(
        _ check: Check, _ coupon: CouponID, _ view: GateInspection, _ catalog: isolated Catalog
    ) throws(Failure) {
        var isNewer = check.rule == AccountsJudge.Rule.terms
        if check.rule == AccountsJudge.Rule.version, check.difference > 0 {
            // Read after the gate, which is told nothing that is not committed: no change under way
            // explains it (hole 17).
            guard let version = view.record?.version,
                try catalog.keeper.existing(coupon).version < version
            else { return }
            isNewer = true
            setbacks.increment()
            catalog.logger.critical(
                "PostgreSQL went back: a change of a coupon that was committed is lost",
                metadata: Self.metadata(check, coupon, []))
        }
        try catalog.keeper.ledger { () throws(LedgerError) in
            try catalog.store.renote(coupon, above: isNewer ? view.record?.version : nil)
        }
        repairs.increment()
        catalog.logger.warning(
            "the gate has not what the tables say and is told once more",
            metadata: Self.metadata(check, coupon, []))
    }

    private func report(
        _ check: Check, _ coupon: CouponID, _ sequences: [ClosedRange<Int64>],
        _ catalog: isolated Catalog
    ) {
        catalog.logger.error(
            "the accounts of a coupon do not add up",
            metadata: Self.metadata(check, coupon, sequences))
    }

    private static func metadata(
        _ check: Check, _ coupon: CouponID, _ sequences: [ClosedRange<Int64>]
    ) -> Logger.Metadata {
        let names = sequences.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0)" }
        return [
            "coupon": "\(coupon.rawValue)", "rule": "\(check.rule)",
            "figures": "\(check.figures)",
            "sequences": "\(names.isEmpty ? "unknown" : names.joined(separator: " "))",
        ]
    }

    /// Which sequences are concerned, ten at most; none where that is not known.
    private func sequences(
        _ check: Check, _ ledger: LedgerAccounts, _ view: GateInspection,
        _ catalog: isolated Catalog
    ) throws(Failure) -> [ClosedRange<Int64>] {
        let coupon = ledger.coupon.id
        switch check.rule {
        case AccountsJudge.Rule.lost where ledger.coupon.issued <= Limits.auditedRowsOnDemand:
            return try catalog.keeper.ledger { () throws(LedgerError) in
                try catalog.store.missingSequences(of: coupon, limit: 10)
            }
        case AccountsJudge.Rule.slots:
            return try catalog.slotsWithoutRows(of: coupon, view)
        default: return []
        }
    }
}

extension Catalog {
    /// Sequences of users who hold a slot at the gate that the tables know nothing of.
    fileprivate func slotsWithoutRows(
        of coupon: CouponID, _ view: GateInspection
    ) throws(Failure) -> [ClosedRange<Int64>] {
        let partition = partitioning.partition(of: coupon)
        let holders = try keeper.gate { () throws(GateControlError) in
            try gates.holders(
                of: coupon, partition: partition, epoch: view.epoch, limit: Limits.auditedHolders)
        }
        let settled = holders.filter { $0.holder.hasSlot && $0.holder.position <= view.settled }
            .map {
                Holding(
                    coupon: coupon, user: $0.user, sequence: $0.holder.sequence,
                    requestID: $0.holder.requestID)
            }
        let decisions = try keeper.ledger { () throws(LedgerError) in
            try store.decisions(settled, in: partition)
        }
        return zip(settled, decisions.standings).filter { $0.1 == nil }
            .map { $0.0.sequence }.sorted().prefix(10).map { $0...$0 }
    }
}
