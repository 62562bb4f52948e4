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
