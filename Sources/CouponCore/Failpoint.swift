/// The places where tests kill the daemon, between acceptance and event. Debug builds only.
public enum Failpoint: String, Sendable, CaseIterable {
    /// The gate has accepted; no answer is written.
    case accepted
    /// A batch is read; its transaction has not begun.
    case drained
    /// The transaction is committed; nothing is settled.
    case committed
    /// Settle has trimmed the queue, given back slots and published; its owner does not know yet.
    case settled
}
