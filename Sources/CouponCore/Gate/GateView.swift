/// A partition's gate and a part of its queue, read in one script.
public struct GateView: Equatable, Sendable {
    /// Whether it accepts requests.
    public let status: GateStatus
    /// Its epoch; 0 if it is missing.
    public let epoch: Epoch
    /// The n of the newest entry of this epoch.
    public let tail: Int64
    /// Up to here commits are settled; in a fenced gate, up to here a rebuild has counted the queue.
    public let settled: Position
    /// Rises while a rebuild makes progress; 0 if there is none.
    public let beat: Int64
    /// Whose gate it is; nil if it is missing.
    public let installID: String?
    /// The last id that the queue ever gave; zero if there is none.
    public let queueEnd: Position
    /// The entries asked for.
    public let items: [QueueItem]

    /// A view of a gate.
    public init(
        status: GateStatus, epoch: Epoch, tail: Int64, settled: Position, beat: Int64 = 0,
        installID: String?, queueEnd: Position, items: [QueueItem]
    ) {
        self.status = status
        self.epoch = epoch
        self.tail = tail
        self.settled = settled
        self.beat = beat
        self.installID = installID
        self.queueEnd = queueEnd
        self.items = items
    }
}

/// How the update of a record ended, by a change or by the decision on a dead letter.
public enum SetResult: Equatable, Sendable {
    /// The gate holds this version, or a later one.
    case current
    /// The gate does not hold the coupon: its next load brings this version.
    case notLoaded
    /// A load brings the coupon without this decision, or its letter is not settled: send it again later.
    case loading
    /// The gate has another epoch, or is not open.
    case stale
}

/// How setting a cap ended.
public enum CapResult: Equatable, Sendable {
    /// The gate accepts no more requests than the cap allows.
    case capped
    /// More slots are used already.
    case refused(used: Int64)
    /// The gate does not hold the coupon: load it first.
    case notLoaded
    /// The gate has another epoch, or is not open.
    case stale
}

/// How the removal of a coupon ended.
public enum RemoveResult: Equatable, Sendable {
    /// The gate does not hold it.
    case removed
    /// It has queued requests, so it stays.
    case queued
    /// The gate has another epoch, or is not open.
    case stale
}

/// What the gate knows of a coupon, read in one script.
public struct GateInspection: Equatable, Sendable {
    /// Whether the gate accepts requests.
    public let status: GateStatus
    /// Its epoch.
    public let epoch: Epoch
    /// Up to here commits are settled.
    public let settled: Position
    /// The n of the newest entry of this epoch.
    public let tail: Int64
    /// The gate's clock.
    public let now: Timestamp
    /// Which Redis gave the answer, with which data.
    public let identity: RedisIdentity
    /// The coupon's record; nil if it is not loaded.
    public let record: GateRecord?
    /// The user's holder; nil if there is none, or no user was named.
    public let holder: GateHolder?

    /// An inspection.
    public init(
        status: GateStatus, epoch: Epoch, settled: Position, tail: Int64,
        now: Timestamp, identity: RedisIdentity, record: GateRecord?, holder: GateHolder?
    ) {
        self.status = status
        self.epoch = epoch
        self.settled = settled
        self.tail = tail
        self.now = now
        self.identity = identity
        self.record = record
        self.holder = holder
    }

    /// Where the gate stood.
    public var place: GatePlace {
        GatePlace(isOpen: status == .open, epoch: epoch, settled: settled, tail: tail)
    }
}

/// A user among a coupon's holders.
public struct GateHolder: Equatable, Sendable {
    /// The sequence of the accepted request.
    public let sequence: Int64
    /// Where it was queued; zero if it was loaded from PostgreSQL.
    public let position: Position
    /// Its request id.
    public let requestID: RequestID
    /// Why it was rejected; nil if it was not.
    public let rejection: RejectionReason?

    /// A holder.
    public init(
        sequence: Int64, position: Position, requestID: RequestID, rejection: RejectionReason?
    ) {
        self.sequence = sequence
        self.position = position
        self.requestID = requestID
        self.rejection = rejection
    }

    /// Whether a slot of the coupon is taken by this user.
    public var hasSlot: Bool { rejection == nil || rejection == .deadLetter }
}
