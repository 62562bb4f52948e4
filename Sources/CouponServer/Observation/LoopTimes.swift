/// What one event loop has measured, and the sums over all of them as histograms.
internal import CouponCore

struct LoopTimes: Sendable {
    /// Bounces of the turns that were measured: from reading the request to giving the answer to the system.
    private(set) var bounces = DurationHistogram()
    private static let status = "coupon_status"
    /// Durations of `coupon_status` alone: of all methods that wait in lanes it is by far the most frequent.
    private(set) var statuses = DurationHistogram()
    /// Methods that wait in lanes, by name: as many as there are methods.
    private(set) var methods: [String: DurationHistogram] = [:]
    /// How late timers were.
    private(set) var lag = DurationHistogram()
    /// What the worker has measured.
    private(set) var worker = WorkerTimes()

    mutating func count(bounces: Int, nanoseconds: Int64) {
        self.bounces.record(nanoseconds: nanoseconds, times: bounces)
    }

    mutating func count(_ method: String, nanoseconds: Int64) {
        if method == Self.status { return statuses.record(nanoseconds: nanoseconds) }
        methods[method, default: DurationHistogram()].record(nanoseconds: nanoseconds)
    }

    mutating func count(lag nanoseconds: Int64) { lag.record(nanoseconds: nanoseconds) }

    func with(_ worker: WorkerTimes?) -> LoopTimes {
        var times = self
        times.worker = worker ?? WorkerTimes()
        return times
    }

    static func += (sum: inout Self, other: Self) {
        sum.bounces += other.bounces
        sum.statuses += other.statuses
        for (method, times) in other.methods {
            sum.methods[method, default: DurationHistogram()] += times
        }
        sum.lag += other.lag
        sum.worker.requests += other.worker.requests
        sum.worker.frontDoor += other.worker.frontDoor
        sum.worker.gate += other.worker.gate
    }

    /// In Prometheus' text format.
    var text: String {
        let methods = self.methods.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        let byMethod =
            [("bounce", bounces), ("issue", worker.requests), (Self.status, statuses)] + methods
        return PrometheusText.histograms(
            MetricName.requestSeconds, byMethod.map { (labels: "method=\"\($0.0)\"", $0.1) })
            + PrometheusText.histograms(MetricName.frontDoorSeconds, [("", worker.frontDoor)])
            + PrometheusText.histograms(MetricName.gateSeconds, [("", worker.gate)])
            + PrometheusText.histograms(MetricName.loopLagSeconds, [("", lag)])
    }
}

extension PrometheusText {
    /// - Parameter histograms: each with its labels, such as `method="issue"`.
    static func histograms(
        _ name: String, _ histograms: [(labels: String, DurationHistogram)]
    ) -> String {
        var samples: [(suffix: String, value: String)] = []
        for (labels, histogram) in histograms {
            let more = labels.isEmpty ? "" : labels + ","
            for (index, bound) in DurationHistogram.bounds.enumerated() {
                samples.append(
                    ("_bucket{\(more)le=\"\(bound)\"}", "\(histogram.count(upTo: index))"))
            }
            let own = labels.isEmpty ? "" : "{\(labels)}"
            samples.append(("_bucket{\(more)le=\"+Inf\"}", "\(histogram.count)"))
            samples.append(("_sum\(own)", "\(Double(histogram.nanoseconds) / 1e9)"))
            samples.append(("_count\(own)", "\(histogram.count)"))
        }
        return family(name, .histogram, samples)
    }
}
