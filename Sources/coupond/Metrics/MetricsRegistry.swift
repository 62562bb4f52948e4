/// A backend for swift-metrics that can be read as Prometheus' text format. Dimensions are ignored.
internal import CoreMetrics
internal import CouponServer
internal import Synchronization

final class MetricsRegistry: MetricsFactory {
    private let meters = Mutex<[String: Meter]>([:])

    /// All metrics that were made, by name.
    var text: String {
        meters.withLock { $0 }.sorted { $0.key < $1.key }.map { $1.text($0) }.joined()
    }

    private func meter(_ label: String, _ kind: Meter.Kind) -> Meter {
        meters.withLock { meters in
            if let meter = meters[label] { return meter }
            let meter = Meter(kind)
            meters[label] = meter
            return meter
        }
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        meter(label, .counter)
    }

    func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler { meter(label, .gauge) }

    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        meter(label, .seconds)
    }

    // Metrics live as long as the daemon.
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
}

/// One metric.
private final class Meter: CounterHandler, RecorderHandler, TimerHandler {
    enum Kind { case counter, gauge, seconds }

    private struct State {
        var value = 0.0
        var count = 0
        /// How many durations were at most each bound.
        var buckets = Array(repeating: 0, count: Meter.bounds.count)
    }

    private static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5]
    private let kind: Kind
    private let state = Mutex(State())

    init(_ kind: Kind) { self.kind = kind }

    func increment(by amount: Int64) { state.withLock { $0.value += Double(amount) } }
    func reset() { state.withLock { $0 = State() } }
    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) { state.withLock { $0.value = value } }

    func recordNanoseconds(_ duration: Int64) {
        let seconds = Double(duration) / 1e9
        state.withLock { state in
            state.value += seconds
            state.count += 1
            for (index, bound) in Self.bounds.enumerated() where seconds <= bound {
                state.buckets[index] += 1
            }
        }
    }

    func text(_ name: String) -> String {
        let state = self.state.withLock { $0 }
        switch kind {
        case .counter:
            return PrometheusText.family(name, .counter, [("", "\(Int64(state.value))")])
        case .gauge: return PrometheusText.family(name, .gauge, [("", "\(state.value)")])
        case .seconds:
            let buckets = zip(Self.bounds, state.buckets).map {
                ("_bucket{le=\"\($0)\"}", "\($1)")
            }
            let sums = [
                ("_bucket{le=\"+Inf\"}", "\(state.count)"), ("_sum", "\(state.value)"),
                ("_count", "\(state.count)"),
            ]
            return PrometheusText.family(name, .histogram, buckets + sums)
        }
    }
}
