/// Who calls, and what they may do.
public import CouponDomain

/// A caller with a name in the callers file, or `anonymous`.
public struct Principal: Hashable, Sendable {
    /// The name of callers who prove nothing.
    public static let anonymousName = "anonymous"
    /// Stands for callers who have sent the admin token with a request. No principal has this name.
    public static let adminTokenName = "admin-token"

    /// As in the callers file, the log and the trail.
    public let name: String
    /// What it may do.
    public var roles: Roles
    /// The coupons that it may touch; nil if all.
    public var coupons: CouponRanges?
    /// Requests a second that it may send, over all its connections; nil if without limit.
    public var requestsPerSecond: Int?
    /// Requests a second that it may send for one user; nil if without limit.
    public var requestsPerSecondOfUser: Int?
    /// Connections that it may have at once; nil if without limit.
    public var connections: Int?
    /// From when on it is refused; nil if never.
    public var expiresAt: Timestamp?

    /// A principal without limits.
    public init(name: String, roles: Roles) {
        self.name = name
        self.roles = roles
    }

    /// Callers who prove nothing.
    public static func anonymous(_ roles: Roles) -> Principal {
        Principal(name: anonymousName, roles: roles)
    }

    /// Whether it has proved nothing.
    public var isAnonymous: Bool { name == Self.anonymousName }

    /// Whether it may touch a coupon.
    public func mayTouch(_ coupon: CouponID) -> Bool { coupons?.contains(coupon) ?? true }

    /// Whether its issue requests need no check: it may issue every coupon, as often as it likes.
    public var issuesFreely: Bool {
        roles.contains(.issuer) && coupons == nil && requestsPerSecond == nil
            && requestsPerSecondOfUser == nil
    }

    /// Whether it is refused at this time.
    public func hasExpired(at now: Timestamp) -> Bool { expiresAt.map { $0 <= now } ?? false }
}
