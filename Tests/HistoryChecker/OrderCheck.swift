/// Promise 5: of two accepted requests for one coupon in one epoch, if the first was answered before the
/// second was sent, the first has the lower sequence.
internal import CouponCore

extension HistoryChecker {
    /// Callers do not know epochs, but sequences continue over a change of epoch unless something was lost.
    /// So the history of a coupon is cut at each loss that may have hit it, and the order must hold within a
    /// piece.
    func orderBreaches(_ history: History, _ join: Join) -> [Breach] {
        let accepted = join.traces.compactMap { trace in
            Accepted(trace, history.losses(of: trace.name.coupon).map(\.at))
        }
        return Dictionary(grouping: accepted, by: \.coupon).flatMap { coupon, requests in
            Dictionary(grouping: requests, by: \.piece).values.flatMap { overtaken(coupon, $0) }
        }
    }

    private func overtaken(_ coupon: CouponID, _ requests: [Accepted]) -> [Breach] {
        var latest: Accepted?
        var breaches: [Breach] = []
        for request in requests.sorted(by: { $0.sequence < $1.sequence }) {
            if let lower = latest, request.known < lower.sent {
                breaches.append(
                    Breach(
                        .overtaken, coupon, [request.user, lower.user],
                        "got \(request.sequence) before the one with \(lower.sequence) was sent"
                    ))
            }
            if latest.map({ request.sent > $0.sent }) ?? true { latest = request }
        }
        return breaches
    }
}

/// A request that got its sequence, with no loss until then.
private struct Accepted {
    let coupon: CouponID
    let user: UserID
    let sequence: Int64
    /// When its first try was sent.
    let sent: Timestamp
    /// When the client first knew the sequence.
    let known: Timestamp
    /// The number of losses before it.
    let piece: Int

    init?(_ trace: RequestTrace, _ cuts: [Interval]) {
        guard let first = trace.calls.first(where: { $0.acceptedSequence != nil }),
            let sequence = first.acceptedSequence
        else { return nil }
        let span = Interval(from: trace.span.from, to: first.ended)
        guard !cuts.contains(where: { $0.overlaps(span) }) else { return nil }
        coupon = trace.name.coupon
        user = trace.name.user
        self.sequence = sequence
        sent = span.from
        known = span.to
        piece = cuts.count { $0.to < span.from }
    }
}
