/// The order of what passes late.
internal import NIOCore

/// Says when each piece of a stream may pass, so that none overtakes another.
struct WaitingLine {
    private var last = NIODeadline.uptimeNanoseconds(0)
    /// That all are due does not say that they have left: a busy loop reads before it does what is due.
    private var waiting = 0

    /// When the next piece passes; nil is at once.
    /// - Parameter earliest: when it may, if nobody waits before it.
    mutating func turn(notBefore earliest: NIODeadline, now: NIODeadline) -> NIODeadline? {
        guard earliest > now || waiting > 0 else { return nil }
        last = max(last + .nanoseconds(1), earliest)
        waiting += 1
        return last
    }

    /// The first of those who wait has passed.
    mutating func leave() { waiting -= 1 }
}
