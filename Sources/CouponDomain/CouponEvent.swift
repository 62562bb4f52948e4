/// What PostgreSQL has committed for one request or one coupon. Callers that follow events get these.
public struct CouponEvent: Equatable, Sendable {
    /// What happened.
    public enum Kind: Equatable, Sendable {
        /// The user has the coupon.
        case issued(UserID, sequence: Int64, RequestID, acceptedAt: Timestamp)
        /// An accepted request ended without an issue.
        case rejected(UserID, sequence: Int64, RequestID, RejectionReason)
        /// As many are issued as the total allows.
        case soldOut(version: Int64)
        /// Somebody changed the coupon.
        case changed(version: Int64)
    }

    /// Where an event is among all events. It names the event: a repeated one has the same place.
    public struct Place: Hashable, Sendable {
        /// The partition of the coupon.
        public let partition: PartitionID
        /// The number of the commit in its partition, from 1.
        public let commit: Int64
        /// The place in its commit, from 0.
        public let index: Int

        /// A place.
        public init(partition: PartitionID, commit: Int64, index: Int) {
            self.partition = partition
            self.commit = commit
            self.index = index
        }
    }

    /// The coupon.
    public let coupon: CouponID
    /// What happened.
    public let kind: Kind
    /// When it was committed.
    public let committedAt: Timestamp
    /// Its name.
    public let place: Place

    /// An event.
    public init(coupon: CouponID, kind: Kind, committedAt: Timestamp, place: Place) {
        self.coupon = coupon
        self.kind = kind
        self.committedAt = committedAt
        self.place = place
    }
}

/// How far a caller has followed the events. Keep it when the events before it are handled.
public struct Bookmark: Hashable, Sendable {
    /// Bytes for the next call; they have no meaning for callers.
    public let bytes: [UInt8]

    /// From bytes that were kept.
    public init(bytes: [UInt8]) { self.bytes = bytes }
}

/// Which events somebody wants, and how long to wait for them.
public struct EventQuestion: Equatable, Sendable {
    /// Where the events begin.
    public enum Start: Equatable, Sendable {
        /// With the next commit.
        case now
        /// With the oldest commit that is kept.
        case oldest
        /// After those that the caller has.
        case after(Bookmark)
    }

    /// Where they begin.
    public var start: Start
    /// Only events of this coupon; nil for all.
    public var coupon: CouponID?
    /// Events in one answer, at most.
    public var limit: Int
    /// How long to wait if there are none, in milliseconds.
    public var waitMilliseconds: UInt32

    /// A question.
    public init(
        _ start: Start = .now, of coupon: CouponID? = nil, limit: Int = Limits.eventsPerPage,
        waitMilliseconds: UInt32 = Limits.maximumWatchMilliseconds
    ) {
        self.start = start
        self.coupon = coupon
        self.limit = limit
        self.waitMilliseconds = waitMilliseconds
    }
}

/// Events, and where the next ones begin.
public struct EventPage: Equatable, Sendable {
    /// A partition whose events do not follow those that the caller had before.
    public struct Reset: Equatable, Sendable {
        /// Why.
        public enum Reason: UInt8, Sendable, CaseIterable {
            // Raw values are the numbers of the .proto.
            /// What followed the bookmark is no longer kept. The events go on with the oldest commit that is.
            case expired = 1
            /// PostgreSQL went back: what the caller had may not have happened. The events begin with the
            /// oldest commit.
            case wentBack = 2
            /// There were commits without events. The events go on after them.
            case incomplete = 3
        }

        /// The partition.
        public let partition: PartitionID
        /// Why.
        public let reason: Reason

        /// A reset.
        public init(_ partition: PartitionID, _ reason: Reason) {
            self.partition = partition
            self.reason = reason
        }
    }

    /// In the order of their commits within a partition; none if the wait has ended.
    public let events: [CouponEvent]
    /// Where the next page begins.
    public let bookmark: Bookmark
    /// Partitions whose events do not follow those before.
    public let resets: [Reset]
    /// Commits after the bookmark, if the page is full; else 0.
    public let behind: Int64

    /// A page.
    public init(events: [CouponEvent], bookmark: Bookmark, resets: [Reset] = [], behind: Int64 = 0)
    {
        self.events = events
        self.bookmark = bookmark
        self.resets = resets
        self.behind = behind
    }
}
