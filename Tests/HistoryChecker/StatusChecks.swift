/// Compares statuses with the tables, and with what their user knew before.
internal import CouponCore

extension HistoryChecker {
    func statusBreaches(_ history: History, _ tables: Tables, _ join: Join) -> [Breach] {
        let traces = Dictionary(grouping: join.traces) {
            Wish(coupon: $0.name.coupon, user: $0.name.user)
        }
        let statuses = Dictionary(grouping: history.statuses) {
            Wish(coupon: $0.coupon, user: $0.user)
        }
        return statuses.flatMap { wish, statuses in
            let record = UserRecord(
                calls: traces[wish, default: []].flatMap(\.calls), statuses: statuses,
                issues: join.issues[wish] ?? [], rejections: join.rejections[wish] ?? [])
            return statuses.compactMap { status in
                let complaint =
                    claim(of: status, record, history) ?? contradiction(of: status, record, history)
                return complaint.map {
                    Breach(
                        .wrongStatus, wish.coupon, [wish.user], "status \(status.text), but \($0)")
                }
            }
        }
    }

    /// What the tables should have of this status, and do not have.
    private func claim(
        of call: StatusCall, _ record: UserRecord, _ history: History
    ) -> String? {
        let span = Interval(from: call.sent, to: call.ended)
        return switch call.status {
        case .none: nil
        case .issued(let sequence, _):
            record.issues.contains { $0.sequence == sequence }
                || history.mayHaveLost(.postgres, of: call.coupon, learnedIn: span)
                ? nil : "there is no row with that sequence"
        case .queued where call.isAtRest: "nothing is queued any more"
        case .queued(let sequence), .rejected(let sequence, _):
            (record.issues + record.rejections).contains { $0.sequence == sequence }
                || history.mayHaveLost(.postgres, of: call.coupon, learnedIn: span)
                || history.mayHaveLost(.redis, of: call.coupon, learnedIn: span)
                ? nil : "nothing with that sequence was decided"
        }
    }

    /// What the user, or the tables, knew when the status was asked, and the status does not say.
    private func contradiction(
        of call: StatusCall, _ record: UserRecord, _ history: History
    ) -> String? {
        if case .issued = call.status { return nil }
        if let issued = record.reportedIssued(before: call.sent),
            !history.mayHaveLost(.postgres, of: call.coupon, learnedIn: issued)
        {
            return "an answer said ISSUED before"
        }
        if call.isAtRest, let row = record.issues.first { return "there is \(row.text)" }
        guard call.status == .none,
            let accepted = record.accepted(before: call.sent, clockSkewMilliseconds),
            !history.mayHaveLost(
                .postgres, of: call.coupon,
                learnedIn: Interval(from: accepted.from, to: call.ended)),
            !history.lost(.redis, of: call.coupon, learnedIn: accepted, until: call.ended)
        else { return nil }
        return "it was accepted before"
    }
}

/// All that is known of one user and coupon.
private struct UserRecord {
    let calls: [Call]
    let statuses: [StatusCall]
    let issues: [Tables.RequestRow]
    /// Rejections and dead letters.
    let rejections: [Tables.RequestRow]

    /// The first answer that said ISSUED and that the user had before `time`.
    func reportedIssued(before time: Timestamp) -> Interval? {
        let answers = calls.filter(\.reportsIssued).map { Interval(from: $0.sent, to: $0.ended) }
        let statuses = statuses.filter(\.reportsIssued).map {
            Interval(from: $0.sent, to: $0.ended)
        }
        return (answers + statuses).filter { $0.to < time }.min { $0.to < $1.to }
    }

    /// When a request of the user was accepted, if that was before `time`: by its row, or by an answer.
    func accepted(before time: Timestamp, _ skewMilliseconds: Int64) -> Interval? {
        let rows = (issues + rejections).compactMap(\.acceptedAt).filter {
            $0.advanced(byMilliseconds: skewMilliseconds) < time
        }.map { Interval(from: $0, to: $0) }
        let answers = calls.filter { $0.acceptedSequence != nil && $0.ended < time }.map {
            Interval(from: $0.sent, to: $0.ended)
        }
        return (rows + answers).min { $0.from < $1.from }
    }
}

extension StatusCall {
    fileprivate var reportsIssued: Bool { if case .issued = status { true } else { false } }

    fileprivate var text: String {
        switch status {
        case .none: "NONE"
        case .queued(let sequence): "QUEUED \(sequence)"
        case .issued(let sequence, _): "ISSUED \(sequence)"
        case .rejected(let sequence, let reason): "REJECTED \(sequence) (\(reason))"
        }
    }
}

extension History {
    /// Whether what a caller learned of the coupon in this interval may be gone from this store.
    fileprivate func mayHaveLost(
        _ store: Loss.Store, of coupon: CouponID, learnedIn interval: Interval
    ) -> Bool {
        losses(of: coupon).contains {
            $0.store == store && $0.mayHaveTaken(whatWasLearnedIn: interval)
        }
    }

    /// Whether this store may have lost, before `end`, what a caller learned of the coupon in this interval.
    fileprivate func lost(
        _ store: Loss.Store, of coupon: CouponID, learnedIn interval: Interval, until end: Timestamp
    ) -> Bool {
        losses(of: coupon).contains {
            $0.store == store && $0.at.overlaps(Interval(from: interval.from, to: end))
                && $0.mayHaveTaken(whatWasLearnedIn: interval)
        }
    }
}
