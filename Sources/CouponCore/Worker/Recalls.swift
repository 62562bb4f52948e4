/// Requests whose users PostgreSQL is asked about: retries for coupons that are finished and not at the gate
/// (rule 41), and requests for coupons that are filling (rule 53). The answer is the user's row.
///
/// A load would bring all holders into Redis first. Instead PostgreSQL is asked about many users at a time,
/// one question after the other.
internal import DequeModule

final class Recalls {
    struct Recall {
        let ticket: UInt64
        let user: CouponUser
        let otherwise: Otherwise
    }

    /// What comes next if the user has no row, or one of a rejection.
    enum Otherwise {
        case answer(Outcome)
        /// The gate is asked.
        case ask(Clearing)
    }

    private(set) var waiting: Deque<Recall> = []
    private var asked: [Recall] = []

    func add(_ recall: Recall) { waiting.append(recall) }

    /// Starts the next question, about requests that somebody waits for; empty if one is in flight or nobody
    /// waits.
    func begin(_ isWaiting: (UInt64) -> Bool) -> [CouponUser] {
        guard asked.isEmpty else { return [] }
        while asked.count < Limits.couponsPerLookup, let next = waiting.popFirst() {
            if isWaiting(next.ticket) { asked.append(next) }
        }
        return asked.map(\.user)
    }

    /// Removes requests that nobody waits for, once most of the list must be such requests. So the list never
    /// grows far beyond the requests in flight.
    /// - Parameter inFlight: how many requests the worker has.
    func dropExpired(inFlight: Int, _ isWaiting: (UInt64) -> Bool) {
        guard waiting.count > 2 * inFlight + Limits.couponsPerLookup else { return }
        waiting.removeAll { !isWaiting($0.ticket) }
    }

    /// Ends the question in flight; returns the requests that it was about.
    func end() -> [Recall] {
        defer { asked = [] }
        return asked
    }
}
