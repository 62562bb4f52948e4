/// Requests whose users PostgreSQL is asked about: retries for coupons that are finished and not at the gate
/// (rule 41), and requests for coupons that are filling (rule 53). The answer is the user's row.
///
/// A load would bring all holders into Redis first. Instead PostgreSQL is asked about many users at a time,
/// one question after the other.
internal import DequeModule

struct Recalls {
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

    private var waiting: Deque<Recall> = []
    private var asked: [Recall] = []

    mutating func add(_ recall: Recall) { waiting.append(recall) }

    /// Starts the next question; empty if one is in flight or none waits.
    mutating func begin() -> [CouponUser] {
        guard asked.isEmpty else { return [] }
        asked = Array(waiting.prefix(Limits.couponsPerLookup))
        waiting.removeFirst(asked.count)
        return asked.map(\.user)
    }

    /// Ends the question in flight; returns the requests that it was about.
    mutating func end() -> [Recall] {
        defer { asked = [] }
        return asked
    }
}
