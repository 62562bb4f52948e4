/// An admin method that a caller called: who, from where, and which call.
public struct AdminCall: Hashable, Sendable {
    /// The caller's name; `anonymous` if it has none.
    public var principal: String
    /// The address of its connection.
    public var address: String
    /// The method's name in the .proto: `pause_coupon`.
    public var method: String
    /// The id in the request's envelope, which the caller chose.
    public var request: UInt64

    /// A call.
    public init(principal: String, address: String, method: String, request: UInt64) {
        self.principal = principal
        self.address = address
        self.method = method
        self.request = request
    }
}

/// What an admin did, or was not allowed to do: a line of the trail.
public struct AdminAction: Hashable, Sendable {
    /// The outcome of an action that was done.
    public static let done = "OK"
    /// The outcome of an action that takes long and has just begun; another line says how it ended.
    public static let begun = "BEGUN"

    /// When it was done; nil for the moment when its line is written, by PostgreSQL's clock.
    public var at: Timestamp?
    /// Who called which method.
    public let call: AdminCall
    /// The coupon that it is about; nil if there is none.
    public let coupon: CouponID?
    /// What it changes, as it was before: a JSON document. Nil if there was nothing.
    public let before: String?
    /// The same after the action; if it failed, what was asked for. Nil if nothing changed, or if the name of
    /// the method says it all.
    public let after: String?
    /// `done`, `begun`, or the code and the text of the error.
    public let outcome: String
    /// How many calls the line stands for: denied ones are counted by the minute.
    public let count: Int64

    /// An action; by default one that was done.
    public init(
        call: AdminCall, coupon: CouponID? = nil, before: String? = nil, after: String? = nil,
        outcome: String = AdminAction.done, count: Int64 = 1
    ) {
        at = nil
        self.call = call
        self.coupon = coupon
        self.before = before
        self.after = after
        self.outcome = outcome
        self.count = count
    }
}

/// A line of the trail with its number.
public struct TrailLine: Hashable, Sendable {
    /// Lines that were written later have higher numbers; there may be gaps.
    public let id: Int64
    /// When it was done.
    public let at: Timestamp
    /// What was done.
    public let action: AdminAction

    /// A line as PostgreSQL has it.
    public init(id: Int64, at: Timestamp, action: AdminAction) {
        self.id = id
        self.at = at
        self.action = action
    }
}

/// Which lines of the trail are asked for.
public enum TrailSubject: Hashable, Sendable {
    /// All.
    case all
    /// Those about a coupon.
    case coupon(CouponID)
    /// Those of a caller, by its name.
    case principal(String)
}
