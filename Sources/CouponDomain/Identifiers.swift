/// The ids: positive 64-bit integers, one type for each, so they cannot be confused.

/// Identifies a coupon. Positive.
public struct CouponID: Hashable, Comparable, ExpressibleByIntegerLiteral, Sendable {
    /// The number as callers, Redis and PostgreSQL know it.
    public let rawValue: Int64

    /// - Parameter rawValue: a positive number; input from outside is checked before.
    public init(_ rawValue: Int64) { self.rawValue = rawValue }

    /// An id that the source code names: `let coupon: CouponID = 7`.
    public init(integerLiteral value: Int64) { self.init(value) }

    /// Ascending by number: the order in which coupons are locked.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Identifies a user. Positive.
public struct UserID: Hashable, Comparable, ExpressibleByIntegerLiteral, Sendable {
    /// The number as callers, Redis and PostgreSQL know it.
    public let rawValue: Int64

    /// - Parameter rawValue: a positive number; input from outside is checked before.
    public init(_ rawValue: Int64) { self.rawValue = rawValue }

    /// An id that the source code names: `let coupon: CouponID = 7`.
    public init(integerLiteral value: Int64) { self.init(value) }

    /// Ascending by number.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Identifies a partition: `coupon_id mod P`, from 0 to P - 1.
public struct PartitionID: Hashable, Comparable, Sendable {
    /// The number, from 0.
    public let rawValue: Int

    /// - Parameter rawValue: from 0 to P - 1.
    public init(_ rawValue: Int) { self.rawValue = rawValue }

    /// Ascending by number.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
