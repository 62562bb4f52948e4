/// How often Redis and PostgreSQL refused to do something, by cause.
internal import CouponCore
internal import CouponServer
internal import Synchronization

final class RefusalCounts: Sendable {
    enum Server: String {
        case redis, postgres
    }

    private struct Key: Hashable {
        let server: Server
        let cause: String
    }

    private let counts = Mutex<[Key: Int]>([:])

    func count(_ server: Server, _ cause: String) {
        counts.withLock { $0[Key(server: server, cause: cause), default: 0] += 1 }
    }

    /// In Prometheus' text format.
    var text: String {
        let samples = counts.withLock { $0 }.map { key, count in
            (suffix: "{server=\"\(key.server)\",cause=\"\(key.cause)\"}", value: "\(count)")
        }
        return PrometheusText.family(
            MetricName.refusals, .counter, samples.sorted { $0.suffix < $1.suffix })
    }
}
