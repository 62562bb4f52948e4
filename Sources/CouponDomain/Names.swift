// The names that the .proto has for the callers' words, without prefixes: `SOLD_OUT`. Commands, metrics and
// logs use these names and have no list of their own.

extension Outcome {
    /// An outcome without its figures.
    public enum Kind: UInt8, Sendable, CaseIterable {
        // Raw values are the numbers of the .proto.
        /// See `Outcome.accepted`.
        case accepted = 1
        /// See `Outcome.issued`.
        case issued = 2
        /// See `Outcome.duplicate`.
        case duplicate = 3
        /// See `Outcome.soldOut`.
        case soldOut = 4
        /// See `Outcome.notOpen`.
        case notOpen = 5
        /// See `Outcome.ended`.
        case ended = 6
        /// See `Outcome.paused`.
        case paused = 7
        /// See `Outcome.closed`.
        case closed = 8
        /// See `Outcome.notFound`.
        case notFound = 9
        /// See `Outcome.rejected`.
        case rejected = 10

        /// The name in the .proto: `SOLD_OUT`.
        public var name: String { schemaName("\(self)") }
    }

    /// The outcome without its figures.
    public var kind: Kind {
        switch self {
        case .accepted: .accepted
        case .issued: .issued
        case .duplicate: .duplicate
        case .soldOut: .soldOut
        case .notOpen: .notOpen
        case .ended: .ended
        case .paused: .paused
        case .closed: .closed
        case .notFound: .notFound
        case .rejected: .rejected
        }
    }

    /// The name in the .proto: `SOLD_OUT`.
    public var name: String { kind.name }
}

extension HolderState {
    /// The name in the .proto: `QUEUED`.
    public var name: String { schemaName("\(self)") }
}

extension RejectionReason {
    /// The name in the .proto: `ALREADY_ISSUED`.
    public var name: String { schemaName("\(self)") }
}

extension CouponState {
    /// The name in the .proto: `ACTIVE`.
    public var name: String { schemaName("\(self)") }
}

extension DeadLetter.State {
    /// The name in the .proto: `HELD`.
    public var name: String { schemaName("\(self)") }
}

extension CouponEvent.Kind {
    /// The name in the .proto: `SOLD_OUT`.
    public var name: String {
        switch self {
        case .issued: "ISSUED"
        case .rejected: "REJECTED"
        case .soldOut: "SOLD_OUT"
        case .changed: "CHANGED"
        }
    }
}

extension EventPage.Reset.Reason {
    /// The name in the .proto: `WENT_BACK`.
    public var name: String { schemaName("\(self)") }
}

extension Sentence.Source {
    /// The name in the .proto: `TABLES`.
    public var name: String { schemaName("\(self)") }
}

extension UserStatus {
    /// The name in the .proto: `QUEUED`.
    public var name: String {
        switch self {
        case .none: "NONE"
        case .queued: HolderState.queued.name
        case .issued: HolderState.issued.name
        case .rejected: HolderState.rejected.name
        }
    }
}

extension StatusCode {
    /// As gRPC writes it: `INVALID_ARGUMENT`.
    public var name: String { schemaName("\(self)") }
}

/// `SOLD_OUT` for `soldOut`.
private func schemaName(_ word: String) -> String {
    word.reduce(into: "") { name, letter in
        if letter.isUppercase { name += "_" }
        name += letter.uppercased()
    }
}
