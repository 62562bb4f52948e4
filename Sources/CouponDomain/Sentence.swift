/// A sentence of an explanation, with the evidence for it.
public struct Sentence: Equatable, Sendable {
    /// Where it was found. Raw values are sent.
    public enum Source: UInt8, Sendable, CaseIterable {
        /// The gate in Redis.
        case gate = 1
        /// The gate's counters of its queue; no entry is read.
        case queue = 2
        /// PostgreSQL's rows of the coupon and the user.
        case tables = 3
        /// The trail of admin actions.
        case trail = 4
        /// What follows from the others.
        case conclusion = 5
    }

    /// Where it was found.
    public let source: Source
    /// The sentence; it may quote texts from outside.
    public let text: String
    /// The sequence of the request that it is about; nil if it is about none.
    public let sequence: Int64?
    /// That request's id.
    public let requestID: RequestID?
    /// When it happened, if that is known.
    public let at: Timestamp?

    /// A sentence.
    public init(
        _ source: Source, _ text: String, sequence: Int64? = nil, requestID: RequestID? = nil,
        at: Timestamp? = nil
    ) {
        self.source = source
        self.text = text
        self.sequence = sequence
        self.requestID = requestID
        self.at = at
    }
}
