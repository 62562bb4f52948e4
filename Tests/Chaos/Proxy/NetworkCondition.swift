/// What a proxy does with the bytes that pass through it.
struct NetworkCondition: Equatable, Sendable {
    /// The kinds of conditions.
    enum Kind: String, CaseIterable, Sendable {
        /// All bytes pass at once.
        case healthy
        /// All bytes pass late, in order.
        case slow
        /// All bytes pass in pieces of a few bytes.
        case split
        /// Connections are cut again and again.
        case cut
        /// Bytes are held until the network is healthy again, and pass then.
        case held
        /// Bytes are dropped. Both sides notice only when the network is healthy again.
        case silent
        /// Bytes of the open connections are dropped for good, and neither side notices. New connections
        /// work.
        case halfOpen = "half-open"
        /// Requests pass, responses are dropped, and neither side notices.
        case oneWay = "one-way"
    }

    let kind: Kind
    /// The delay if it is slow, in milliseconds.
    var delay = 0

    static let healthy = NetworkCondition(kind: .healthy)
}
