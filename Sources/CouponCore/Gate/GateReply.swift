// What a call of the gate script answers.

/// What the gate says of one request. Raw layout: see `gate.lua`.
public enum GateVerdict: Equatable, Sendable {
    /// Accepted by this call.
    case accepted(sequence: Int64, position: Position)
    /// The same request was accepted before.
    case replayed(sequence: Int64, position: Position)
    /// Another request of this user was accepted before.
    case duplicate(sequence: Int64, state: HolderState, position: Position)
    /// The same request was accepted before, and rejected since.
    case rejected(sequence: Int64, reason: RejectionReason)
    /// The quantity is gone.
    case soldOut
    /// The window opens later.
    case notOpen
    /// The window has closed.
    case ended
    /// The coupon is paused.
    case paused
    /// The coupon is closed.
    case closed
    /// The call came after the request's `notAfter`.
    case expired
}

/// What the gate says of the requests for one coupon, and the coupon's state after them.
public struct GateJudgement: Equatable, Sendable {
    /// Rises within an epoch whenever the coupon opens or closes (rule 38).
    public let rev: Int64
    /// The coupon's version at the gate.
    public let version: Int64
    /// Whether the coupon is open to a new user, and if not, why.
    public let door: Door
    /// One for each request, in order.
    public let verdicts: [GateVerdict]

    /// A judgement of the gate.
    public init(rev: Int64, version: Int64, door: Door, verdicts: [GateVerdict]) {
        self.rev = rev
        self.version = version
        self.door = door
        self.verdicts = verdicts
    }
}

/// The gate's answer to one question of a call.
public enum GateResult: Equatable, Sendable {
    /// It judged each request.
    case judged(GateJudgement)
    /// It does not hold the coupon.
    /// - Parameter rev: the partition's `rev`: a later opening of the coupon has a higher one.
    case notLoaded(rev: Int64)
    /// The backlog limit is reached.
    case exhausted
    /// The coupon is filling, and the requests are not cleared since its load (rule 53).
    /// - Parameter rev: the partition's `rev`: a later load of the coupon has a higher one.
    case filling(rev: Int64)
}

/// The gate's answer to a call.
public struct GateReply: Equatable, Sendable {
    /// The gate's epoch.
    public let epoch: Epoch
    /// The n of the partition's newest entry in this epoch.
    public let tail: Int64
    /// The partition's highest settled position.
    public let settled: Position
    /// The gate's clock at the call.
    public let now: Timestamp
    /// One for each question of the call, in order.
    public let results: [GateResult]

    /// A reply of the gate script.
    public init(
        epoch: Epoch, tail: Int64, settled: Position, now: Timestamp, results: [GateResult]
    ) {
        self.epoch = epoch
        self.tail = tail
        self.settled = settled
        self.now = now
        self.results = results
    }
}

/// What became of a gate call. All but `interrupted` are definite for that call.
public enum GateAnswer: Equatable, Sendable {
    /// The gate is open and answered each question.
    case reply(GateReply)
    /// The gate is not open, or is of another epoch; nothing was written.
    case stale(GateStatus, epoch: Epoch)
    /// The gate's tail is below the floor, so its data went back; the gate fenced itself.
    case rolledBack
    /// Nothing was sent, or Redis refused the command before it ran.
    case unavailable(String)
    /// The connection broke with the call in flight, or the reply cannot be read. The call can no longer run;
    /// whether it ran is unknown.
    case interrupted(String)
}

/// Whether a partition's gate accepts requests.
public enum GateStatus: UInt8, Sendable {
    /// There is none: Redis is empty, or new.
    case missing = 0
    /// Being rebuilt.
    case fenced = 1
    /// Accepting requests.
    case open = 2
}
