/// What one client did and what it was told: the lines of a history.
public import CouponCore

/// One try of one issue request, as the client that sent it saw it.
public struct Call: Sendable {
    /// How a call ended.
    public enum End: Equatable, Sendable {
        /// The daemon judged it.
        case told(Outcome)
        /// It ended without a judgement: the status, where the daemon sent one, and what is known.
        case failed(StatusCode?, Acceptance)
    }

    /// The coupon that was asked for.
    public let coupon: CouponID
    /// Who asked.
    public let user: UserID
    /// The caller's name for the request; the same for all tries of one request.
    public let requestID: RequestID
    /// 0 for the first try.
    public let attempt: UInt32
    /// Whether the caller waited for ISSUED.
    public let waitsForIssue: Bool
    /// How long the daemon was given, in milliseconds.
    public let deadlineMilliseconds: Int64
    /// Which daemon was asked: any number that names it within the history.
    public let daemon: Int
    /// When the call began.
    public let sent: Timestamp
    /// When the client knew how it ended.
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
    /// The sequence under which it was told that this very request is accepted; nil where it was not.
    public var acceptedSequence: Int64? {
        switch end {
        case .told(.accepted(let sequence)), .told(.issued(let sequence, _)),
            .failed(_, .accepted(let sequence)):
            sequence
        default: nil
        }
    }

    /// Whether it was told that the issue is committed.
    public var isToldIssued: Bool {
        if case .told(.issued) = end { true } else { false }
    }

    /// Whether it may have been the one that the gate accepted.
    var mayHaveAccepted: Bool {
        switch end {
        case .told(.accepted), .told(.issued), .told(.rejected), .failed(_, .accepted),
            .failed(_, .unknown):
            true
        case .told, .failed(_, .notAccepted): false
        }
    }

    /// Whether nobody can say what became of it, not even when.
    var isUnknown: Bool {
        if case .failed(_, .unknown) = end { true } else { false }
    }

    /// Whether the gate, or whoever answered for it, refused this request by rule.
    var isRefusal: Bool {
        switch end {
        case .told(.accepted), .told(.issued), .told(.rejected), .failed: false
        case .told: true
        }
    }

    /// Whether the request is done with: told accepted, or judged otherwise.
    public var isAnswer: Bool {
        if case .told = end { true } else { acceptedSequence != nil }
    }
}
