/// Keeps delayed bytes in order.
internal import NIOCore

/// Gives each piece of a stream its time, so none overtakes another.
struct WaitingLine {
    private var last = NIODeadline.uptimeNanoseconds(0)
    /// Pieces that are due may still be waiting: a busy loop reads before it runs its timers.
    private var waiting = 0

    /// When the next piece passes; nil means at once.
    /// - Parameter earliest: when it passes if no piece waits before it.
    mutating func turn(notBefore earliest: NIODeadline, now: NIODeadline) -> NIODeadline? {
        guard earliest > now || waiting > 0 else { return nil }
        last = max(last + .nanoseconds(1), earliest)
        waiting += 1
        return last
    }

    /// The first waiting piece has passed.
    mutating func leave() { waiting -= 1 }
}
