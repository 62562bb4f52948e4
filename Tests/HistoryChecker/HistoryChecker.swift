/// The judge of a history: every promise that can be seen from outside, in one pass over what clients
/// were told and what tables and gate hold at the end.
///
/// Pure, so that it can be tested with histories made by hand, one for each breach. It knows nothing of
/// how the system works, only what it promises.
internal import CouponCore

/// What is judged, and how strictly.
public struct HistoryChecker: Sendable {
    /// How late an answer may be, in milliseconds past its deadline: promise 9 grants 50.
    public static let grantedMilliseconds: Int64 = 50

    /// What is forgiven on top, because daemons and clients share a machine that others use as well.
    public var toleranceMilliseconds: Int64 = 0
    /// How far the clocks of client and gate may lie apart, in milliseconds.
    public var clockSkewMilliseconds: Int64 = 5
    /// Whether somebody touched the tables, so that accepted requests may be rejected.
    public var mayReject = false

    /// A checker that forgives nothing.
    public init() {}

    /// Everything that is wrong.
    /// - Returns: breaches in the order of `Breach.Kind`; empty where every promise was kept.
    public func check(_ history: History, against tables: Tables) -> [Breach] {
        let join = Join(history, tables)
        var breaches = quantityBreaches(history, tables, join)
        for story in join.stories { breaches += self.breaches(of: story, history) }
        breaches += phantoms(history, tables, join)
        breaches += orderBreaches(history, join)
        breaches += deadlineBreaches(history)
        breaches += accountBreaches(history, tables)
        return Breach.Kind.allCases.flatMap { kind in breaches.filter { $0.kind == kind } }
    }

    /// How many acceptances were lost, documented or not: told accepted, and the tables know nothing.
    public func lostCount(_ history: History, against tables: Tables) -> Int {
        Join(history, tables).stories.reduce(0) { count, story in
            let sequences = Set(story.calls.compactMap(\.acceptedSequence))
            return count + sequences.count { !story.isKept($0) }
        }
    }
}

extension History {
    /// Whether an acceptance that was told by `call` may be gone, as documented.
    func excusesLoss(of call: Call) -> Bool {
        losses.contains { $0.at.to >= call.sent && ($0.store == .postgres || !call.isToldIssued) }
    }

    /// Whether a loss lies between these moments: then the same question may have another answer.
    func lostSomething(in interval: Interval) -> Bool {
        losses.contains { $0.at.overlaps(interval) }
    }
}
