/// How long answers took.
package struct Latencies: Sendable {
    /// In seconds, in no order.
    package private(set) var seconds: [Double] = []
    /// Requests that were given up. Their time until then counts too.
    package var unanswered = 0

    package init() {}

    package mutating func add(_ value: Double) { seconds.append(value) }

    /// By the nearest rank; nil if nothing was measured.
    package func percentile(_ percent: Double) -> Double? {
        guard !seconds.isEmpty else { return nil }
        let rank = (percent / 100 * Double(seconds.count)).rounded(.up)
        return seconds.sorted()[min(max(Int(rank), 1), seconds.count) - 1]
    }

    /// A percentile divided by the same percentile of another run.
    package func percentile(_ percent: Double, over other: Latencies) -> Double? {
        guard let mine = percentile(percent), let base = other.percentile(percent), base > 0 else {
            return nil
        }
        return mine / base
    }

    /// Of this run and another one, the run with the smaller 99th percentile.
    package func calmer(_ other: Latencies) -> Latencies {
        guard let mine = percentile(99), let others = other.percentile(99) else { return self }
        return others < mine ? other : self
    }

    package var longest: Double? { seconds.max() }
}
