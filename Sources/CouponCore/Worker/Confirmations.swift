/// Answers that wait until enough replicas have the accepted requests (rule 37). Answers that come while one
/// question is in flight belong to the next question. Each node of Redis is asked about its own answers.
final class Confirmations {
    struct Kept {
        let ticket: UInt64
        /// The Redis that accepted it.
        let identity: RedisIdentity?
        /// Nil if the caller waits for ISSUED.
        var outcome: Outcome?
    }

    private struct Node {
        var gathered: [Kept] = []
        var asked: [Kept] = []

        mutating func begin() -> Bool {
            guard asked.isEmpty, !gathered.isEmpty else { return false }
            swap(&asked, &gathered)
            return true
        }
    }

    /// The answers of each node, by the place of its gate.
    private var nodes: [Node] = []
    /// The place of the gate that gave the answer kept last.
    private var last = 0

    /// - Parameter place: of the gate that accepted it.
    func keep(_ kept: Kept, at place: Int) {
        while nodes.count <= place { nodes.append(Node()) }
        nodes[place].gathered.append(kept)
        last = place
    }

    /// Sets the answer of the ticket that was kept last.
    func add(_ outcome: Outcome) {
        nodes[last].gathered[nodes[last].gathered.count - 1].outcome = outcome
    }

    /// Starts a question about all gathered answers of a node; false if one is in flight or nothing is
    /// gathered.
    func begin(at place: Int) -> Bool {
        place < nodes.count && nodes[place].begin()
    }

    /// Ends a node's question in flight; returns the answers that it was about.
    func end(at place: Int) -> [Kept] {
        guard place < nodes.count else { return [] }
        defer { nodes[place].asked.removeAll(keepingCapacity: true) }
        return nodes[place].asked
    }
}
