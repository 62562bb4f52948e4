/// One accepted request inside a queue entry.
public struct EntryRequest: Hashable, Sendable {
    /// Who asked.
    public let user: UserID
    /// The request's id.
    public let requestID: RequestID

    /// - Parameters:
    ///   - user: who asked.
    ///   - requestID: the request's id.
    public init(user: UserID, requestID: RequestID) {
        self.user = user
        self.requestID = requestID
    }
}

/// What one gate call accepted for one coupon.
public struct QueuedCoupon: Equatable, Sendable {
    /// The coupon.
    public let coupon: CouponID
    /// The sequence of the first request; the others follow by one.
    public let firstSequence: Int64
    /// The requests in order; never empty.
    public let requests: [EntryRequest]

    /// A coupon's part of an entry.
    public init(coupon: CouponID, firstSequence: Int64, requests: [EntryRequest]) {
        self.coupon = coupon
        self.firstSequence = firstSequence
        self.requests = requests
    }

    /// The requests with their sequences, in order.
    public var acceptedRequests: some RandomAccessCollection<AcceptedRequest> {
        requests.indices.lazy.map { index in
            AcceptedRequest(
                coupon: coupon, user: requests[index].user, sequence: firstSequence + Int64(index),
                requestID: requests[index].requestID)
        }
    }
}

/// All that one gate call accepted. The cursor moves by whole entries.
public struct QueueEntry: Equatable, Sendable {
    /// Its place in the queue.
    public let position: Position
    /// When the gate accepted the requests, by the gate's clock.
    public let acceptedAt: Timestamp
    /// In the order of the call; never empty.
    public let coupons: [QueuedCoupon]

    /// An entry as read from the queue.
    public init(position: Position, acceptedAt: Timestamp, coupons: [QueuedCoupon]) {
        self.position = position
        self.acceptedAt = acceptedAt
        self.coupons = coupons
    }

    /// How many requests it holds.
    public var requestCount: Int { coupons.reduce(0) { $0 + $1.requests.count } }

    /// The requests of all coupons with their sequences.
    public var acceptedRequests: [AcceptedRequest] { coupons.flatMap(\.acceptedRequests) }
}

/// A queue entry whose bytes cannot be read (promise 8); its users are the holders with its position.
public struct DamagedEntry: Equatable, Sendable {
    /// Its place in the queue.
    public let position: Position
    /// What was found there.
    public let bytes: [UInt8]
    /// Why it cannot be read.
    public let reason: String
    /// Who is known to have been accepted at this position.
    public let holders: [AcceptedRequest]

    /// A damaged entry with the holders found at its position.
    public init(position: Position, bytes: [UInt8], reason: String, holders: [AcceptedRequest]) {
        self.position = position
        self.bytes = bytes
        self.reason = reason
        self.holders = holders
    }
}

/// A request with the position of its queue entry.
public struct PlacedRequest: Hashable, Sendable {
    /// The request.
    public let accepted: AcceptedRequest
    /// Where it is queued.
    public let position: Position

    /// A request with its position.
    public init(accepted: AcceptedRequest, position: Position) {
        self.accepted = accepted
        self.position = position
    }
}

/// The element at one position of the queue.
public enum QueueItem: Equatable, Sendable {
    /// Readable.
    case entry(QueueEntry)
    /// Not readable.
    case damaged(DamagedEntry)

    /// Its place in the queue.
    public var position: Position {
        switch self {
        case .entry(let entry): entry.position
        case .damaged(let damaged): damaged.position
        }
    }

    /// How many requests it holds, as far as is known.
    public var requestCount: Int {
        switch self {
        case .entry(let entry): entry.requestCount
        case .damaged(let damaged): damaged.holders.count
        }
    }

    /// The coupons of its requests, as far as is known; one may come several times.
    public var coupons: [CouponID] {
        switch self {
        case .entry(let entry): entry.coupons.map(\.coupon)
        case .damaged(let damaged): damaged.holders.map(\.coupon)
        }
    }

    /// Whether its bytes could not be read.
    public var isDamaged: Bool {
        if case .damaged = self { true } else { false }
    }

    /// The requests it holds, with their position.
    public var requests: [PlacedRequest] {
        switch self {
        case .entry(let entry):
            entry.acceptedRequests.map { PlacedRequest(accepted: $0, position: entry.position) }
        case .damaged(let damaged):
            damaged.holders.map { PlacedRequest(accepted: $0, position: damaged.position) }
        }
    }

    /// The same item; a damaged one gets the holders that a search has found.
    public func completed(by search: HolderSearch) -> QueueItem {
        guard case .damaged(let damaged) = self else { return self }
        return .damaged(
            DamagedEntry(
                position: damaged.position, bytes: damaged.bytes, reason: damaged.reason,
                holders: search.holders(at: damaged.position)))
    }
}
