/// The nodes of Redis as the daemon knows them; nothing for a single Redis.
internal import CouponCore
internal import CouponRedis
internal import CouponServer

struct TopologyMetrics {
    let source: TopologySource
    let partitioning: Partitioning

    /// In Prometheus' text format. A cluster of a thousand masters has two thousand lines.
    var text: String {
        let readable = PrometheusText.family(
            MetricName.topologyReadable, .gauge, [("", source.failure == nil ? "1" : "0")])
        guard let topology = source.current else { return readable }
        let counts = partitioning.all.reduce(into: [:]) { counts, partition in
            topology.nodeIndex(of: partition).map { counts[$0, default: 0] += 1 }
        }
        let labels = topology.nodes.map { "{node=\"\(Self.label($0.address))\"}" }
        return readable
            + PrometheusText.family(
                MetricName.topologyEpoch, .gauge, [("", "\(topology.epoch)")])
            + PrometheusText.family(
                MetricName.nodeTerm, .gauge,
                zip(labels, topology.nodes).map { ($0, "\($1.term)") })
            + PrometheusText.family(
                MetricName.nodePartitions, .gauge,
                labels.enumerated().map { ($1, "\(counts[$0] ?? 0)") })
    }

    /// A host that another server has named may have any characters.
    private static func label(_ address: RedisAddress) -> String {
        "\(address)".replacing(/[^A-Za-z0-9.:_\[\]\/-]/, with: "?")
    }
}
