/// How long answers took.
struct Latencies: Sendable {
    /// In seconds, in no order.
    private(set) var seconds: [Double] = []
    /// Requests that were given up. Their time until then counts too.
    var unanswered = 0

    mutating func add(_ value: Double) { seconds.append(value) }

    /// By the nearest rank; nil if nothing was measured.
    func percentile(_ percent: Double) -> Double? {
        guard !seconds.isEmpty else { return nil }
        let rank = (percent / 100 * Double(seconds.count)).rounded(.up)
        return seconds.sorted()[min(max(Int(rank), 1), seconds.count) - 1]
    }

    /// A percentile divided by the same percentile of another run.
    func percentile(_ percent: Double, over other: Latencies) -> Double? {
        guard let mine = percentile(percent), let base = other.percentile(percent), base > 0 else {
            return nil
        }
        return mine / base
    }

    var longest: Double? { seconds.max() }
}
