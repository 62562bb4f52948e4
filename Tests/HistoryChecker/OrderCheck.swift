/// Promise 5: of two accepted requests for one coupon in one epoch, if the first was answered before the
/// second was sent, it has the lower sequence.
internal import CouponCore

extension HistoryChecker {
    /// Epochs are not told to callers, but numbers go on over a change of epoch unless something was lost.
    /// So the history is cut at each loss, and within a piece the order holds.
    func orderBreaches(_ history: History, _ join: Join) -> [Breach] {
        let cuts = history.losses.map(\.at).sorted { $0.from < $1.from }
        let accepted = join.stories.compactMap { Accepted($0, cuts) }
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
                        "knew \(request.sequence) before \(lower.sequence) was asked for"))
            }
            if latest.map({ request.sent > $0.sent }) ?? true { latest = request }
        }
        return breaches
    }
}

/// A request that was told its sequence, with nothing lost meanwhile.
private struct Accepted {
    let coupon: CouponID
    let user: UserID
    let sequence: Int64
    /// When it was asked for the first time.
    let sent: Timestamp
    /// When the client first knew the sequence.
    let known: Timestamp
    /// How many losses came before.
    let piece: Int

    init?(_ story: Story, _ cuts: [Interval]) {
        guard let first = story.calls.first(where: { $0.acceptedSequence != nil }),
            let sequence = first.acceptedSequence
        else { return nil }
        let span = Interval(from: story.span.from, to: first.ended)
        guard !cuts.contains(where: { $0.overlaps(span) }) else { return nil }
        coupon = story.name.coupon
        user = story.name.user
        self.sequence = sequence
        sent = span.from
        known = span.to
        piece = cuts.count { $0.to < span.from }
    }
}
