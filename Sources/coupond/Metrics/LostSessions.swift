/// How many sessions with PostgreSQL and connections to Redis were lost.
internal import CouponCore
internal import CouponServer
internal import Synchronization

final class LostSessions: Sendable {
    private let redis = Atomic(0)
    private let postgres = Atomic(0)

    func count(_ server: RefusalCounts.Server) {
        switch server {
        case .redis: redis.add(1, ordering: .relaxed)
        case .postgres: postgres.add(1, ordering: .relaxed)
        }
    }

    /// In Prometheus' text format.
    var text: String {
        let counts: [(RefusalCounts.Server, Int)] = [
            (.redis, redis.load(ordering: .relaxed)),
            (.postgres, postgres.load(ordering: .relaxed)),
        ]
        return PrometheusText.family(
            MetricName.sessionsLost, .counter,
            counts.map { ("{server=\"\($0.0)\"}", "\($0.1)") })
    }
}
