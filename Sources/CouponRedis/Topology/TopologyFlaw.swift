/// Why an answer does not give a topology.

/// The answer of one server; another server may have a better one.
struct TopologyFlaw: Error, Equatable {
    /// For people: what is wrong and what to do, without the server's address.
    let text: String

    init(_ text: String) { self.text = text }
}
