/// A reading of the process's monotonic clock: for ages and deadlines, never for windows.
public struct MonotonicTime: Hashable, Comparable, Sendable {
    /// Nanoseconds since an arbitrary origin.
    public let nanoseconds: Int64

    /// - Parameter nanoseconds: since the clock's origin.
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Earlier before later.
    public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The moment `milliseconds` later.
    public func advanced(byMilliseconds milliseconds: Int64) -> MonotonicTime {
        MonotonicTime(nanoseconds: nanoseconds &+ milliseconds &* 1_000_000)
    }

    /// Milliseconds from `other` to this moment.
    public func milliseconds(since other: MonotonicTime) -> Int64 {
        (nanoseconds - other.nanoseconds) / 1_000_000
    }
}
