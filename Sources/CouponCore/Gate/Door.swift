/// Whether a coupon is open to a user who has never asked for it.
public enum Door: Hashable, Sendable {
    /// Ask the gate.
    case open
    /// Refused without asking.
    case closed(DoorReason)

    /// How a coupon stands, in the order of checks of rule 12: state, window, quantity.
    public init(state: CouponState, window: Window, isFull: Bool, isSoldOut: Bool, now: Timestamp) {
        if state == .closed {
            self = .closed(.closed)
        } else if state == .paused {
            self = .closed(.paused)
        } else if now < window.opens {
            self = .closed(.notOpen(opens: window.opens))
        } else if now >= window.closes {
            self = .closed(.ended(closed: window.closes))
        } else if isSoldOut {
            self = .closed(.soldOut)
        } else if isFull {
            self = .closed(.full)
        } else {
            self = .open
        }
    }

    /// Whether requests are refused.
    public var isClosed: Bool { self != .open }
}

/// Why a coupon is closed to new users.
public enum DoorReason: Hashable, Sendable {
    /// Every slot is taken at the gate; a rejection may free one.
    case full
    /// As many are issued as the total allows, and that is committed; only a higher total opens it again.
    case soldOut
    /// The window opens later.
    case notOpen(opens: Timestamp)
    /// The window closed at this moment of the gate's clock. The front door keeps comparing: a clock that is
    /// put back opens the window again, and no event says so.
    case ended(closed: Timestamp)
    /// The coupon is paused.
    case paused
    /// The coupon is closed.
    case closed

    /// The answer to a bounced request.
    public var outcome: Outcome {
        switch self {
        case .full, .soldOut: .soldOut
        case .notOpen(let opens): .notOpen(opens: opens)
        case .ended: .ended
        case .paused: .paused
        case .closed: .closed
        }
    }
}
