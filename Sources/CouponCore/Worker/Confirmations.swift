/// Answers that are kept back until enough replicas have what they say (rule 37). What comes while one
/// question is under way is asked about by the next.
struct Confirmations {
    struct Kept {
        let ticket: UInt64
        /// The Redis that accepted it.
        let identity: RedisIdentity?
        /// Nil where nobody is answered by this: who waits for ISSUED.
        var outcome: Outcome?
    }

    private var gathered: [Kept] = []
    private var asked: [Kept] = []

    mutating func keep(_ kept: Kept) { gathered.append(kept) }

    /// The answer of the ticket that was kept last.
    mutating func add(_ outcome: Outcome) { gathered[gathered.count - 1].outcome = outcome }

    /// Whether a question is to be asked now; it is about all that is gathered.
    mutating func begin() -> Bool {
        guard asked.isEmpty, !gathered.isEmpty else { return false }
        swap(&asked, &gathered)
        return true
    }

    /// The question was answered: what it was about.
    mutating func end() -> [Kept] {
        defer { asked.removeAll(keepingCapacity: true) }
        return asked
    }
}
