/// Where a daemon hears completion events: one subscription for all partitions.
///
/// Blocking, and confined to one thread.
public protocol EventSource: AnyObject {
    /// Blocks until something is heard, half a second at most; nil where nothing was.
    ///
    /// Connects, subscribes and pings as needed. A break is told once, before the next `up`.
    func next() -> EventSignal?
}

/// What a subscription tells. Publish/subscribe replays nothing: after each `up` whatever was
/// remembered from before is stale (rule 39).
public enum EventSignal: Equatable, Sendable {
    /// The subscription stands: events published from now on are heard.
    case up
    /// The subscription is broken; the text says why.
    case down(String)
    /// An event.
    case event(CompletionEvent)
}
