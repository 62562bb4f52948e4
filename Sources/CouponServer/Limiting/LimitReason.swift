/// The limits that a caller may meet: labels of a metric, and the answers to the caller.
internal import CouponCore

enum LimitReason: String, CaseIterable {
    case connections
    case connectionsOfAddress = "connections_of_address"
    case handshakesOfAddress = "handshakes_of_address"
    case connectionsOfPrincipal = "connections_of_principal"
    case rateOfPrincipal = "rate_of_principal"
    case rateOfUser = "rate_of_user"
    case retries
    case unknownCoupons = "unknown_coupons"
    case inFlight = "in_flight"
    case share
    case lane
    case queue
    case invalidRequest = "invalid_request"
    case frameLength = "frame_length"
    case beforeAuthentication = "before_authentication"
    case buffers
    case firstFrame = "first_frame"
    case frame
    case unread
    case idle

    /// What the caller gets. A connection that does not read, that says nothing, or whose handshake has not
    /// begun is closed without it.
    var message: String {
        switch self {
        case .connections: "too many connections"
        case .connectionsOfAddress: "too many connections from this address"
        case .handshakesOfAddress: "too many TLS handshakes of this address are in progress"
        case .connectionsOfPrincipal: "too many connections of this principal"
        case .rateOfPrincipal: "too many requests of this principal"
        case .rateOfUser: "too many requests of this user"
        case .retries: "too many retries on this connection"
        case .unknownCoupons: "too many unknown coupons on this connection"
        case .inFlight: "too many requests are in flight"
        case .share: "too many slow requests of one connection are unanswered"
        case .lane: "too many slow requests of all connections wait"
        case .queue: "too many issue requests wait"
        case .invalidRequest: "requests cannot be read"
        case .frameLength: "the length of a frame is not allowed"
        case .beforeAuthentication: "the frame is too long for a caller that has not authenticated"
        case .buffers: "the connections hold too many bytes"
        case .firstFrame: "the first frame did not come in time"
        case .frame: "frame: the rest of it did not come in time"
        case .unread: "answers were not read in time"
        case .idle: "the connection was idle"
        }
    }

    /// The answer to one request, or to a new connection.
    /// - Parameter milliseconds: when to try again.
    func refusal(retryAfter milliseconds: UInt32 = Limits.retryAfterMilliseconds) -> Failure {
        Failure(.resourceExhausted, message, retryAfterMilliseconds: max(1, milliseconds))
    }
}

/// How often each limit was met at one event loop, and the line of the log for each second.
struct LimitCounts {
    private var counts = [Int](repeating: 0, count: LimitReason.allCases.count)
    /// What was not logged yet.
    private var unlogged: [LimitReason: (count: Int, address: String)] = [:]

    /// - Parameter address: of the caller; only evaluated for the first one.
    mutating func count(_ reason: LimitReason, address: @autoclosure () -> String) {
        counts[reason.index] += 1
        unlogged[reason, default: (0, address())].count += 1
    }

    /// What was counted since the last call, with the address of the first caller.
    mutating func dequeueUnlogged() -> [(reason: LimitReason, count: Int, address: String)] {
        guard !unlogged.isEmpty else { return [] }
        defer { unlogged.removeAll(keepingCapacity: true) }
        return LimitReason.allCases.compactMap { reason in
            unlogged[reason].map { (reason, $0.count, $0.address) }
        }
    }

    var metrics: MetricFamily {
        MetricFamily(
            MetricName.limited, .counter, by: "reason",
            LimitReason.allCases.map { ($0.rawValue, counts[$0.index]) })
    }
}

extension LimitReason {
    fileprivate static let indices = Dictionary(
        uniqueKeysWithValues: zip(allCases, allCases.indices))

    fileprivate var index: Int { Self.indices[self] ?? 0 }
}
