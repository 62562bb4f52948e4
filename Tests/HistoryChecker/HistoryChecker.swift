/// Checks a history against every promise that can be seen from outside: compares the clients' answers with
/// the tables and the gate at the end.
///
/// A pure function, tested with a handmade history for each breach. It knows what the system promises, not
/// how it works.
internal import CouponCore

/// The checker, and how strict it is.
public struct HistoryChecker: Sendable {
    /// How late an answer may be, in milliseconds past its deadline: promise 9 grants 50.
    public static let grantedMilliseconds: Int64 = 50

    /// Further lateness that is allowed, because daemons and clients share a machine with other programs.
    public var toleranceMilliseconds: Int64 = 0
    /// By how many milliseconds the clocks of client and gate may differ.
    public var clockSkewMilliseconds: Int64 = 5
    /// Whether the test wrote into the tables, so that accepted requests may be rejected.
    public var mayReject = false

    /// A checker without further tolerance.
    public init() {}

    /// Finds all breaches.
    /// - Returns: breaches in the order of `Breach.Kind`; empty if every promise was kept.
    public func check(_ history: History, against tables: Tables) -> [Breach] {
        let join = Join(history, tables)
        var breaches = quantityBreaches(history, tables, join)
        for trace in join.traces { breaches += self.breaches(of: trace, history) }
        breaches += phantoms(history, tables, join)
        breaches += statusBreaches(history, tables, join)
        breaches += orderBreaches(history, join)
        breaches += deadlineBreaches(history)
        breaches += accountBreaches(history, tables)
        return Breach.Kind.allCases.flatMap { kind in breaches.filter { $0.kind == kind } }
    }

    /// The number of acceptances that the tables do not have, allowed or not.
    public func lostCount(_ history: History, against tables: Tables) -> Int {
        Join(history, tables).traces.reduce(0) { count, trace in
            let sequences = Set(trace.calls.compactMap(\.acceptedSequence))
            return count + sequences.count { !trace.isKept($0) }
        }
    }
}

extension History {
    /// Whether docs/GUARANTEES.md allows the acceptance that `call` got to be gone.
    func allowsLoss(of call: Call) -> Bool {
        losses(of: call.coupon).contains {
            $0.mayHaveTaken(whatWasLearnedIn: Interval(from: call.sent, to: call.ended))
                && ($0.store == .postgres || $0.includesAnswered && !call.reportsIssued)
        }
    }

    /// Whether the acceptance that `call` got may have been lost before `end`: then the same request may get
    /// another answer.
    func lostAnswer(to call: Call, until end: Timestamp) -> Bool {
        losses(of: call.coupon).contains {
            $0.includesAnswered && $0.at.overlaps(Interval(from: call.sent, to: end))
                && $0.mayHaveTaken(
                    whatWasLearnedIn: Interval(from: call.sent, to: call.ended))
        }
    }
}
