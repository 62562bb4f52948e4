/// A daemon's source of completion events: one subscription for all partitions.
///
/// Blocking, and confined to one thread.
public protocol EventSource: AnyObject {
    /// The next signal; blocks for half a second at most; nil if nothing came.
    ///
    /// Connects, subscribes and pings as needed. A break is reported once, before the next `up`.
    func next() -> EventSignal?
}

/// A signal of a subscription. Publish/subscribe replays nothing: after each `up` everything that was
/// remembered is stale (rule 39).
public enum EventSignal: Equatable, Sendable {
    /// The subscription is active: it receives all events published from now on.
    case up
    /// The subscription is broken; the text says why.
    case down(String)
    /// The same for the events of one partition, if partitions have subscriptions of their own.
    case partitionUp(PartitionID)
    /// The partition's subscription is broken; the text says why.
    case partitionDown(PartitionID, String)
    /// An event.
    case event(CompletionEvent)
}
