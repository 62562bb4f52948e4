/// Estimates when a queued request will be decided: completion events show how fast its queue moves.
public struct DrainRates: Sendable {
    private struct Rate {
        var movedAt: Timestamp
        var entriesPerSecond: Double?
    }

    /// An average over about this time, in microseconds.
    private static let span = 2_000_000.0
    /// Events that are further apart say that the queue was empty or stood still, not how fast it moves.
    private static let longestPause: Int64 = 1_000_000
    /// A rate is not known any more if nothing has moved for this long.
    private static let lifetime: Int64 = 5_000_000

    private var rates: [PartitionID: Rate] = [:]

    /// Nothing is known.
    public init() {}

    /// Learns from an event that moved something.
    public mutating func receive(_ event: CompletionEvent) {
        guard event.from.epoch == event.to.epoch, event.from < event.to else { return }
        guard var rate = rates[event.partition] else {
            rates[event.partition] = Rate(movedAt: event.publishedAt)
            return
        }
        let pause = event.publishedAt.microseconds - rate.movedAt.microseconds
        if pause > 0, pause <= Self.longestPause {
            let sample = Double(event.to.n - event.from.n) / Double(pause) * 1e6
            let old = rate.entriesPerSecond ?? sample
            rate.entriesPerSecond = old + (sample - old) * min(1, Double(pause) / Self.span)
        }
        if pause > 0 { rate.movedAt = event.publishedAt }
        rates[event.partition] = rate
    }

    /// The time until the entry at `position` is decided, in milliseconds, at least 1; nil if not known.
    /// - Parameters:
    ///   - settled: up to here the partition is settled now.
    ///   - now: by the gate's clock, as in events.
    public func milliseconds(
        until position: Position, in partition: PartitionID, settled: Position, now: Timestamp
    ) -> Int64? {
        guard position.epoch == settled.epoch, position > settled, let rate = rates[partition],
            let entriesPerSecond = rate.entriesPerSecond, entriesPerSecond > 0,
            now.microseconds - rate.movedAt.microseconds < Self.lifetime
        else { return nil }
        let milliseconds = Double(position.n - settled.n) / entriesPerSecond * 1_000
        return max(1, Int64(min(milliseconds.rounded(.up), Double(Int32.max))))
    }
}
