/// A moment in microseconds since the Unix epoch, UTC: the unit of Redis TIME and of PostgreSQL.
public struct Timestamp: Hashable, Comparable, Sendable {
    /// Microseconds since 1970-01-01T00:00:00Z.
    public let microseconds: Int64

    /// - Parameter microseconds: since 1970-01-01T00:00:00Z.
    public init(microseconds: Int64) { self.microseconds = microseconds }

    /// The Unix epoch itself: no moment.
    public static let zero = Timestamp(microseconds: 0)

    /// When a coupon closes that never closes: the latest moment of a window.
    public static let never = Timestamp(microseconds: Limits.maximumMicroseconds)

    /// Earlier before later.
    public static func < (left: Self, right: Self) -> Bool {
        left.microseconds < right.microseconds
    }

    /// The moment `milliseconds` later; saturates instead of overflowing.
    public func advanced(byMilliseconds milliseconds: Int64) -> Timestamp {
        let (step, stepOverflow) = milliseconds.multipliedReportingOverflow(by: 1000)
        let (sum, sumOverflow) = microseconds.addingReportingOverflow(step)
        if stepOverflow || sumOverflow {
            return Timestamp(microseconds: milliseconds < 0 ? .min : .max)
        }
        return Timestamp(microseconds: sum)
    }

    /// Milliseconds from `other` to this moment; negative if it is earlier.
    public func milliseconds(since other: Timestamp) -> Int64 {
        (microseconds - other.microseconds) / 1000
    }
}
