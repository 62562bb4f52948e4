/// What one request was told, held against itself and against the tables.
internal import CouponCore

extension HistoryChecker {
    func breaches(of story: Story, _ history: History) -> [Breach] {
        let found =
            story.calls.compactMap { breach(of: $0, story, history) }
            + [changedSequence(story, history), changedRefusal(story, history)].compactMap { $0 }
            + [unanswered(story)].compactMap { $0 }
        // A request that asked ten times tells the same breach once.
        return Array(Set(found))
    }

    /// One answer against the tables.
    private func breach(of call: Call, _ story: Story, _ history: History) -> Breach? {
        if let sequence = call.acceptedSequence {
            return breachOfAcceptance(call, sequence, story, history)
        }
        guard case .told(let outcome) = call.end else { return nil }
        switch outcome {
        case .duplicate(let sequence, let state):
            return breachOfDuplicate(call, sequence, state, story, history)
        case .rejected(let sequence, let reason):
            if history.losses.contains(where: { $0.store == .postgres }) { return nil }
            if story.ownIssue?.sequence == sequence {
                return story.breach(.phantom, "told REJECTED(\(reason)), but it is issued")
            }
            return story.rejections.contains { $0.sequence == sequence }
                ? nil : story.breach(.lost, "told REJECTED \(sequence), and no rejection is kept")
        case .soldOut:
            return history.offers[call.coupon].map { $0 == nil } ?? false
                ? story.breach(.wrongRefusal, "told SOLD_OUT of an unlimited coupon") : nil
        case .notOpen, .ended, .paused, .closed, .notFound:
            return story.breach(.wrongRefusal, "told \(outcome) of a coupon that is on offer")
        case .accepted, .issued: return nil
        }
    }

    private func breachOfAcceptance(
        _ call: Call, _ sequence: Int64, _ story: Story, _ history: History
    ) -> Breach? {
        if let row = story.ownIssue, row.sequence == sequence { return nil }
        if !call.isToldIssued && story.rejections.contains(where: { $0.sequence == sequence }) {
            return nil
        }
        if history.excusesLoss(of: call) { return nil }
        if let row = story.ownIssue {
            return story.breach(
                .wrongSequence, "told \(call.end.text), but its row has \(row.sequence)")
        }
        let kept = story.issue.map { ", only \($0.text)" } ?? ""
        return story.breach(.lost, "told \(call.end.text), and there is no row of it\(kept)")
    }

    private func breachOfDuplicate(
        _ call: Call, _ sequence: Int64, _ state: HolderState, _ story: Story, _ history: History
    ) -> Breach? {
        let isLost = history.losses.contains {
            $0.at.to >= call.sent && ($0.store == .postgres || state == .queued)
        }
        if isLost { return nil }
        if let own = story.ownIssue, own.sequence == sequence {
            return story.breach(.changedAnswer, "told \(call.end.text), but the row is its own")
        }
        return story.isKept(sequence)
            ? nil
            : story.breach(.lost, "told \(call.end.text), and there is no row with that sequence")
    }

    /// All sequences that name this request as accepted must be one.
    private func changedSequence(_ story: Story, _ history: History) -> Breach? {
        let sequences = Set(
            story.calls.compactMap { call -> Int64? in
                if case .told(.rejected(let sequence, _)) = call.end { return sequence }
                return call.acceptedSequence
            })
        guard sequences.count > 1, !history.lostSomething(in: story.span) else { return nil }
        return story.breach(.changedAnswer, "told the sequences \(sequences.sorted())")
    }

    /// Once told accepted, a retry is never refused. A first try may be: a bounce knows no holders.
    private func changedRefusal(_ story: Story, _ history: History) -> Breach? {
        guard let first = story.calls.first(where: { $0.acceptedSequence != nil }) else {
            return nil
        }
        let rejection = story.calls.first {
            $0.isRefusal && $0.attempt > 0 && $0.sent > first.ended
                && !history.lostSomething(in: Interval(from: first.sent, to: $0.ended))
        }
        return rejection.map {
            story.breach(.changedAnswer, "told \(first.end.text), and later \($0.end.text)")
        }
    }

    private func unanswered(_ story: Story) -> Breach? {
        guard !story.calls.contains(where: \.isAnswer), let last = story.calls.last else {
            return nil
        }
        return story.breach(.unanswered, "its last of \(story.calls.count) calls \(last.end.text)")
    }

    /// Rows that no call can explain.
    func phantoms(_ history: History, _ tables: Tables, _ join: Join) -> [Breach] {
        let stories = Dictionary(uniqueKeysWithValues: join.stories.map { ($0.name, $0) })
        return (tables.issues + tables.rejections + tables.deadLetters).compactMap { row in
            let name = RequestName(coupon: row.coupon, user: row.user, requestID: row.requestID)
            guard let story = stories[name] else {
                return Breach(.phantom, row.coupon, [row.user], "nobody asked for \(row.text)")
            }
            if story.calls.contains(where: { mayHaveAccepted($0, row, history) }) { return nil }
            let late = row.acceptedAt.map { $0.milliseconds(since: story.span.from) }
            return story.breach(
                .phantom,
                "no call explains \(row.text)"
                    + (late.map { ", accepted \($0) ms after it was first asked for" } ?? ""))
        }
    }

    /// Whether `row` can be the trace of this call. One of unknown fate can be accepted later than its
    /// client waited, but not after its deadline. Only where the daemon was disturbed can nobody say when
    /// that was: its bytes may have stood in the daemon's socket.
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

extension Story {
    fileprivate func breach(_ kind: Breach.Kind, _ what: String) -> Breach {
        Breach(kind, name.coupon, [name.user], what)
    }
}
