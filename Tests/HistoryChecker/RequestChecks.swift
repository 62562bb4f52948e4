/// Compares the answers to one request with each other and with the tables.
internal import CouponCore

extension HistoryChecker {
    func breaches(of trace: RequestTrace, _ history: History) -> [Breach] {
        let found =
            trace.calls.compactMap { breach(of: $0, trace, history) }
            + [changedSequence(trace, history), changedRefusal(trace, history)].compactMap { $0 }
            + [unanswered(trace)].compactMap { $0 }
        // A request with ten tries reports the same breach once.
        return Array(Set(found))
    }

    /// One answer against the tables.
    private func breach(of call: Call, _ trace: RequestTrace, _ history: History) -> Breach? {
        if let sequence = call.acceptedSequence {
            return breachOfAcceptance(call, sequence, trace, history)
        }
        guard case .answered(let outcome) = call.end else { return nil }
        switch outcome {
        case .duplicate(let sequence, let state):
            return breachOfDuplicate(call, sequence, state, trace, history)
        case .rejected(let sequence, let reason):
            if history.losses.contains(where: { $0.store == .postgres }) { return nil }
            if trace.ownIssue?.sequence == sequence {
                return trace.breach(.phantom, "got REJECTED(\(reason)), but it is issued")
            }
            return trace.rejections.contains { $0.sequence == sequence }
                ? nil
                : trace.breach(.lost, "got REJECTED \(sequence), but there is no rejection row")
        case .soldOut:
            return history.offers[call.coupon].map { $0 == nil } ?? false
                ? trace.breach(.wrongRefusal, "got SOLD_OUT for an unlimited coupon") : nil
        case .notOpen, .ended, .paused, .closed, .notFound:
            return trace.breach(.wrongRefusal, "got \(outcome) for a coupon that is on offer")
        case .accepted, .issued: return nil
        }
    }

    private func breachOfAcceptance(
        _ call: Call, _ sequence: Int64, _ trace: RequestTrace, _ history: History
    ) -> Breach? {
        if let row = trace.ownIssue, row.sequence == sequence { return nil }
        if !call.reportsIssued && trace.rejections.contains(where: { $0.sequence == sequence }) {
            return nil
        }
        if history.allowsLoss(of: call) { return nil }
        if let row = trace.ownIssue {
            return trace.breach(
                .wrongSequence, "got \(call.end.text), but its row has \(row.sequence)")
        }
        let kept = trace.issue.map { ", only \($0.text)" } ?? ""
        return trace.breach(.lost, "got \(call.end.text), but has no row\(kept)")
    }

    private func breachOfDuplicate(
        _ call: Call, _ sequence: Int64, _ state: HolderState, _ trace: RequestTrace,
        _ history: History
    ) -> Breach? {
        let isLost = history.losses(of: call.coupon).contains {
            $0.mayHaveTaken(whatWasLearnedIn: Interval(from: call.sent, to: call.ended))
                && ($0.store == .postgres || $0.includesAnswered && state == .queued)
        }
        if isLost { return nil }
        if let own = trace.ownIssue, own.sequence == sequence {
            return trace.breach(
                .changedAnswer, "got \(call.end.text), but the row is this request's own")
        }
        return trace.isKept(sequence)
            ? nil
            : trace.breach(.lost, "got \(call.end.text), but there is no row with that sequence")
    }

    /// All answers that say "accepted" must have the same sequence.
    private func changedSequence(_ trace: RequestTrace, _ history: History) -> Breach? {
        let sequences = Set(trace.calls.compactMap(\.sequence))
        guard sequences.count > 1, let first = trace.calls.first(where: { $0.sequence != nil }),
            !history.lostAnswer(to: first, until: trace.span.to)
        else { return nil }
        return trace.breach(.changedAnswer, "got the sequences \(sequences.sorted())")
    }

    /// A retry is not refused once the request is accepted. A first try may be refused: a front door does not
    /// know holders.
    private func changedRefusal(_ trace: RequestTrace, _ history: History) -> Breach? {
        guard let first = trace.calls.first(where: { $0.acceptedSequence != nil }) else {
            return nil
        }
        let rejection = trace.calls.first {
            $0.isRefusal && $0.attempt > 0 && $0.sent > first.ended
                && !history.lostAnswer(to: first, until: $0.ended)
        }
        return rejection.map {
            trace.breach(.changedAnswer, "got \(first.end.text), and later \($0.end.text)")
        }
    }

    private func unanswered(_ trace: RequestTrace) -> Breach? {
        guard !trace.calls.contains(where: \.isAnswer), let last = trace.calls.last else {
            return nil
        }
        return trace.breach(
            .unanswered, "\(trace.calls.count) calls, the last one ended with: \(last.end.text)")
    }

    /// Rows that no call explains.
    func phantoms(_ history: History, _ tables: Tables, _ join: Join) -> [Breach] {
        let traces = Dictionary(uniqueKeysWithValues: join.traces.map { ($0.name, $0) })
        return (tables.issues + tables.rejections + tables.deadLetters).compactMap { row in
            let name = RequestName(coupon: row.coupon, user: row.user, requestID: row.requestID)
            guard let trace = traces[name] else {
                return Breach(.phantom, row.coupon, [row.user], "no call asked for \(row.text)")
            }
            if trace.calls.contains(where: { mayHaveAccepted($0, row, history) }) { return nil }
            let late = row.acceptedAt.map { $0.milliseconds(since: trace.span.from) }
            return trace.breach(
                .phantom,
                "no call explains \(row.text)"
                    + (late.map { ", accepted \($0) ms after its first try" } ?? ""))
        }
    }

    /// Whether `row` can come from this call. A call whose result is unknown can be accepted after its client
    /// stopped waiting, but not after its deadline. If the daemon was disturbed there is no such limit: the
    /// request may have waited in the daemon's socket.
    private func mayHaveAccepted(
        _ call: Call, _ row: Tables.RequestRow, _ history: History
    ) -> Bool {
        guard call.mayHaveAccepted else { return false }
        guard let at = row.acceptedAt else { return true }
        guard at >= call.sent.advanced(byMilliseconds: -clockSkewMilliseconds) else { return false }
        guard call.isUnknown else {
            return at <= call.ended.advanced(byMilliseconds: clockSkewMilliseconds)
        }
        let span = Interval(from: call.sent, to: at)
        let isDisturbed =
            history.disturbances[call.daemon]?.contains { $0.overlaps(span) } ?? false
        let lateness = at.milliseconds(since: call.sent) - call.deadlineMilliseconds
        return isDisturbed
            || lateness - history.stalled(in: span) <= Self.grantedMilliseconds
                + toleranceMilliseconds
    }
}

extension RequestTrace {
    fileprivate func breach(_ kind: Breach.Kind, _ what: String) -> Breach {
        Breach(kind, name.coupon, [name.user], what)
    }
}

extension Call {
    /// Of an answer that says "accepted", or "rejected" later.
    fileprivate var sequence: Int64? {
        if case .answered(.rejected(let sequence, _)) = end { return sequence }
        return acceptedSequence
    }
}
