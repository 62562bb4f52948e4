/// Answers that wait until enough replicas have the accepted requests (rule 37). Answers that come while one
/// question is in flight belong to the next question.
struct Confirmations {
    struct Kept {
        let ticket: UInt64
        /// The Redis that accepted it.
        let identity: RedisIdentity?
        /// Nil if the caller waits for ISSUED.
        var outcome: Outcome?
    }

    private var gathered: [Kept] = []
    private var asked: [Kept] = []

    mutating func keep(_ kept: Kept) { gathered.append(kept) }

    /// Sets the answer of the ticket that was kept last.
    mutating func add(_ outcome: Outcome) { gathered[gathered.count - 1].outcome = outcome }

    /// Starts a question about all gathered answers; false if one is in flight or nothing is gathered.
    mutating func begin() -> Bool {
        guard asked.isEmpty, !gathered.isEmpty else { return false }
        swap(&asked, &gathered)
        return true
    }

    /// Ends the question in flight; returns the answers that it was about.
    mutating func end() -> [Kept] {
        defer { asked.removeAll(keepingCapacity: true) }
        return asked
    }
}
