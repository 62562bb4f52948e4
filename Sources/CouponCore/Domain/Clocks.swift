/// Time, as an effect that a simulator or a test can replace.
public struct Clocks: Sendable {
    /// The monotonic clock.
    public var now: @Sendable () -> MonotonicTime
    /// The wall clock.
    public var wallNow: @Sendable () -> Timestamp
    /// Blocks the calling thread for so many milliseconds; never on an event loop.
    public var pause: @Sendable (Int) -> Void

    /// Clocks.
    public init(
        now: @escaping @Sendable () -> MonotonicTime,
        wallNow: @escaping @Sendable () -> Timestamp, pause: @escaping @Sendable (Int) -> Void
    ) {
        self.now = now
        self.wallNow = wallNow
        self.pause = pause
    }
}
