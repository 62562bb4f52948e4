/// Time that stands still until a test moves it.
public import CouponCore
internal import Synchronization

/// A clock for `Clocks`; its two readings move together.
public final class VirtualClock: Sendable {
    private let nanoseconds = Atomic<Int64>(0)
    private let origin: Timestamp

    /// - Parameter origin: the wall clock's first reading.
    public init(origin: Timestamp = Timestamp(microseconds: 1_750_000_000_000_000)) {
        self.origin = origin
    }

    /// The monotonic reading.
    public var now: MonotonicTime {
        MonotonicTime(nanoseconds: nanoseconds.load(ordering: .relaxed))
    }

    /// The wall clock's reading.
    public var wallNow: Timestamp {
        Timestamp(microseconds: origin.microseconds + now.nanoseconds / 1_000)
    }

    /// Moves time on.
    public func advance(milliseconds: Int64) {
        nanoseconds.add(milliseconds * 1_000_000, ordering: .relaxed)
    }

    /// This clock, as the code under test uses it.
    public var clocks: Clocks {
        Clocks(
            now: { self.now }, wallNow: { self.wallNow },
            pause: { self.advance(milliseconds: Int64($0)) })
    }
}
