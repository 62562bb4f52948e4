/// Retries for coupons that are finished and not at the gate: the answer is the user's row (rule 41).
///
/// A load would bring all holders into Redis again. Instead PostgreSQL is asked about many users at a time,
/// one question after the other.
internal import DequeModule

struct Recalls {
    struct Recall {
        let ticket: UInt64
        let user: CouponUser
        /// The answer if the user has no row.
        let outcome: Outcome
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

    /// Ends the question in flight; returns the retries that it was about.
    mutating func end() -> [Recall] {
        defer { asked = [] }
        return asked
    }
}
