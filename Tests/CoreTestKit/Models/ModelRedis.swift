/// The gates in Redis as the scripts leave them, in memory: one function for each script, atomic as they
/// are, and a value, so that a copy is a snapshot. The cross-check holds it against the scripts themselves.
public import CouponCore

/// What a Redis holds. Each script gets the gate's clock from its caller.
public struct ModelRedis: Sendable {
    /// How long a finished coupon stays, in milliseconds; 0 is without end.
    public var retention: Int64 = 0
    /// Requests of one coupon, accepted and not settled; beyond it the gate refuses.
    public var backlogPerCoupon = Limits.backlogPerCoupon
    /// The same for a partition.
    public var backlogPerPartition = Limits.backlogPerPartition
    /// The history that this Redis is part of; a replica's is its master's.
    public var replicationID = ""
    /// The term that it knows: its config epoch in a cluster; nil outside of one.
    public var term: UInt64?
    /// What was published since the last read of it.
    public var events: [CompletionEvent] = []

    /// A partition's keys.
    public struct Partition: Sendable {
        /// The gate; nil if it is missing.
        public var gate: Gate?
        /// The queue, oldest first.
        public var queue: [Entry] = []
        /// The last id that the queue ever gave.
        public var lastID = Position.zero
        /// Ids of another program at the end of the queue, which cannot come from a gate.
        public var foreign: [String] = []
        /// What a rebuild has copied of such a queue so far.
        public var copy: [Entry] = []
        /// Records and holders of every epoch.
        public var coupons: [Key: Loaded] = [:]
        /// What loads have staged.
        public var loads: [Key: Staged] = [:]
        /// When to check whether a coupon may leave; nil is never.
        public var visits: [Key: Timestamp?] = [:]

        /// No keys.
        public init() {}
    }

    /// The holders that a load has written so far.
    public struct Staged: Sendable {
        /// Whose load; nil in a rebuild.
        public var load: LoadNumber?
        /// When it last made progress.
        public var moved: Timestamp
        /// Who is staged.
        public var holders: [UserID: GateHolder] = [:]
    }

    /// A partition's gate.
    public struct Gate: Sendable, Equatable {
        /// Fenced, or open.
        public var isFenced: Bool
        /// The epoch of the last fence.
        public var epoch: Epoch
        /// The n of the newest entry.
        public var tail: Int64 = 0
        /// Up to here commits are settled.
        public var settled = Position.zero
        /// Requests accepted and not settled.
        public var queued: Int64 = 0
        /// Rises while a rebuild makes progress; 0 if there is none.
        public var beat: Int64 = 0
        /// Counts changes of openness; never falls.
        public var rev: Int64 = 0
        /// Whose gate it is.
        public let installID: String
    }

    /// A queue entry, and whether its bytes were damaged.
    public struct Entry: Sendable {
        /// What the gate wrote.
        public let entry: QueueEntry
        /// Whether its bytes cannot be read any more.
        public var isDamaged = false
    }

    /// Keys carry the epoch.
    public struct Key: Hashable, Sendable {
        /// The epoch in which it was loaded.
        public let epoch: Epoch
        /// The coupon.
        public let coupon: CouponID

        /// A coupon of an epoch.
        public init(epoch: Epoch, coupon: CouponID) {
            self.epoch = epoch
            self.coupon = coupon
        }
    }

    /// A coupon's record with its holders.
    public struct Loaded: Sendable {
        /// As last received from PostgreSQL; its `issued` is the one of that moment.
        public var coupon: Coupon
        /// Whether all of the total is committed.
        public var isSoldOut: Bool
        /// Used slots.
        public var used: Int64
        /// Requests accepted and not settled.
        public var queued: Int64
        /// The sequence of the next accepted request.
        public var nextSequence: Int64
        /// The partition's count at the last change of openness.
        public var rev: Int64
        /// A limit below the total while an admin lowers it.
        public var cap: Int64?
        /// The version under which the cap was set; 0 without a cap.
        public var capVersion: Int64 = 0
        /// Only while it is filling: the partition's count at its load.
        public var filling: Int64?
        /// The known users, each with its request.
        public var holders: [UserID: GateHolder]
        /// Whether a total may be being lowered.
        var isCapped: Bool {
            guard let cap else { return false }
            return capVersion > coupon.version || cap < coupon.total ?? -1
        }

        /// How many slots may be used.
        public var limit: Int64 { min(coupon.total ?? .max, cap ?? .max) }

        /// How the coupon stands for a new user.
        public func door(_ now: Timestamp) -> Door {
            Door(
                state: coupon.state, window: coupon.window, isFull: used >= limit,
                isSoldOut: isSoldOut, now: now)
        }

        /// All that makes it open or closed, except the clock.
        struct Leaf: Equatable {
            let state: CouponState
            let window: Window
            let isFull: Bool
            let isSoldOut: Bool
        }

        var leaf: Leaf {
            Leaf(
                state: coupon.state, window: coupon.window, isFull: used >= limit,
                isSoldOut: isSoldOut)
        }

        /// Applies a higher version. A cap is cleared only by a later version than the one under which it was
        /// set.
        mutating func apply(_ other: Coupon) -> Bool {
            guard other.version > coupon.version else { return false }
            coupon = other
            isSoldOut = other.isSoldOut
            if other.version > capVersion { (cap, capVersion) = (nil, 0) }
            return true
        }

        func standing(_ now: Timestamp) -> CompletionEvent.CouponStanding {
            .init(coupon: coupon.id, rev: rev, version: coupon.version, door: door(now))
        }
    }

    /// By number; all empty at first.
    public var partitions: [Partition]

    /// An empty Redis.
    public init(partitioning: Partitioning) {
        partitions = Array(repeating: Partition(), count: partitioning.count)
    }

    /// The partition's keys.
    public subscript(partition: PartitionID) -> Partition {
        get { partitions[partition.rawValue] }
        set { partitions[partition.rawValue] = newValue }
    }
}

extension ModelRedis.Partition {
    /// Whether the gate is open in this epoch.
    func isOpen(_ epoch: Epoch) -> Bool { gate?.isFenced == false && gate?.epoch == epoch }

    /// The next value of the partition's counter of changes.
    mutating func nextRev() -> Int64 {
        gate?.rev += 1
        return gate?.rev ?? 0
    }

    /// Entries up to here are gone.
    mutating func trim(upTo position: Position) {
        queue.removeAll { $0.entry.position <= position }
    }

    /// An event that moves nothing.
    func standingEvent(
        _ partition: PartitionID, _ now: Timestamp, resolve: Bool,
        _ coupons: [CompletionEvent.CouponStanding]
    ) -> CompletionEvent {
        CompletionEvent(
            partition: partition, epoch: gate?.epoch ?? 0, from: gate?.settled ?? .zero,
            to: gate?.settled ?? .zero, publishedAt: now, resolve: resolve, coupons: coupons,
            rejections: [])
    }

    /// Whether the gate is fenced with this epoch.
    func isFenced(_ epoch: Epoch) -> Bool { gate?.isFenced == true && gate?.epoch == epoch }

    /// Plans when to check whether a coupon may leave (rule 41).
    mutating func noteVisit(
        _ loaded: ModelRedis.Loaded, _ epoch: Epoch, _ now: Timestamp, _ retention: Int64
    ) {
        let key = ModelRedis.Key(epoch: epoch, coupon: loaded.coupon.id)
        if retention == 0 {
            visits[key] = .some(nil)
        } else if loaded.isFinished(now) {
            visits[key] = now.wholeMilliseconds.advanced(byMilliseconds: retention)
        } else if loaded.coupon.window.closes.microseconds < 1 << 53 {
            visits[key] = loaded.coupon.window.closes.wholeMilliseconds
                .advanced(byMilliseconds: retention)
        } else {
            visits[key] = .some(nil)
        }
    }
}

extension ModelRedis.Loaded {
    /// Whether nobody can be accepted any more, unless an admin changes the coupon.
    func isFinished(_ now: Timestamp) -> Bool {
        isSoldOut || coupon.state == .closed || now >= coupon.window.closes
    }

    /// Whether it may leave (rule 41).
    func mayGo(_ now: Timestamp) -> Bool { isFinished(now) && queued == 0 && !isCapped }
}

extension Timestamp {
    fileprivate var wholeMilliseconds: Timestamp {
        Timestamp(microseconds: microseconds / 1_000 * 1_000)
    }
}
