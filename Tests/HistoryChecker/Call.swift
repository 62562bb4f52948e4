/// What one client sent and which answer it got.
public import CouponCore

/// One try of an issue request, as its client saw it.
public struct Call: Sendable {
    /// How a call ended.
    public enum End: Equatable, Sendable {
        /// The daemon answered with an outcome.
        case answered(Outcome)
        /// It ended without an outcome. The status is nil if the daemon sent no error.
        case failed(StatusCode?, Acceptance)
    }

    /// The requested coupon.
    public let coupon: CouponID
    /// Who asked.
    public let user: UserID
    /// The caller's name for the request; the same for all tries of one request.
    public let requestID: RequestID
    /// 0 for the first try.
    public let attempt: UInt32
    /// Whether the caller waited for ISSUED.
    public let waitsForIssue: Bool
    /// The deadline in the request, in milliseconds.
    public let deadlineMilliseconds: Int64
    /// The daemon that was asked, by its number in this history.
    public let daemon: Int
    /// When the call began.
    public let sent: Timestamp
    /// When the client got the answer or the error.
    public let ended: Timestamp
    /// How it ended.
    public let end: End

    /// A call that has ended.
    public init(
        coupon: CouponID, user: UserID, requestID: RequestID, attempt: UInt32,
        waitsForIssue: Bool, deadlineMilliseconds: Int64, daemon: Int, sent: Timestamp,
        ended: Timestamp, end: End
    ) {
        self.coupon = coupon
        self.user = user
        self.requestID = requestID
        self.attempt = attempt
        self.waitsForIssue = waitsForIssue
        self.deadlineMilliseconds = deadlineMilliseconds
        self.daemon = daemon
        self.sent = sent
        self.ended = ended
        self.end = end
    }
}

extension Call {
    /// The sequence with which the answer says that this request is accepted; nil if it does not say so.
    public var acceptedSequence: Int64? {
        switch end {
        case .answered(.accepted(let sequence)), .answered(.issued(let sequence, _)),
            .failed(_, .accepted(let sequence)):
            sequence
        default: nil
        }
    }

    /// Whether the answer says that the issue is committed.
    public var reportsIssued: Bool {
        if case .answered(.issued) = end { true } else { false }
    }

    /// Whether the gate may have accepted this call.
    var mayHaveAccepted: Bool {
        switch end {
        case .answered(.accepted), .answered(.issued), .answered(.rejected), .failed(_, .accepted),
            .failed(_, .unknown):
            true
        case .answered, .failed(_, .notAccepted): false
        }
    }

    /// Whether its result is unknown, and so is the moment at which it was decided.
    var isUnknown: Bool {
        if case .failed(_, .unknown) = end { true } else { false }
    }

    /// Whether the gate or a front door refused it with an outcome.
    var isRefusal: Bool {
        switch end {
        case .answered(.accepted), .answered(.issued), .answered(.rejected), .failed: false
        case .answered: true
        }
    }

    /// Whether the request needs no retry: it was accepted or got another outcome.
    public var isAnswer: Bool {
        if case .answered = end { true } else { acceptedSequence != nil }
    }
}
