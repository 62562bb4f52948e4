/// Retries of coupons that are finished and not at the gate: their own answer is their row (rule 41).
///
/// To load the coupon would bring all its holders into Redis again, so that PostgreSQL is asked, for
/// many users at a time, one question after the other.
internal import DequeModule

struct Recalls {
    struct Recall {
        let ticket: UInt64
        let user: CouponUser
        /// What the user is told of whom there is no row.
        let outcome: Outcome
    }

    private var waiting: Deque<Recall> = []
    private var asked: [Recall] = []

    mutating func add(_ recall: Recall) { waiting.append(recall) }

    /// What is to be asked now; empty where nothing is.
    mutating func begin() -> [CouponUser] {
        guard asked.isEmpty else { return [] }
        asked = Array(waiting.prefix(Limits.couponsPerLookup))
        waiting.removeFirst(asked.count)
        return asked.map(\.user)
    }

    /// The question was answered: what it was about.
    mutating func end() -> [Recall] {
        defer { asked = [] }
        return asked
    }
}
