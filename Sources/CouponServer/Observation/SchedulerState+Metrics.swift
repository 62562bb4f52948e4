/// The queues and the rebuilds as metrics.
internal import CouponCore

extension SchedulerState {
    /// In Prometheus' text format.
    /// - Parameter now: by the wall clock.
    func text(now: Timestamp) -> String {
        let queues = self.queues.sorted { $0.key < $1.key }
        let rebuilds = self.rebuilds.sorted { $0.key < $1.key }
        return PrometheusText.family(
            MetricName.queueEntries, .gauge,
            queues.map { (Self.label($0.key), "\($0.value.entries)") })
            + PrometheusText.family(
                MetricName.queueAge, .gauge,
                queues.map { (Self.label($0.key), "\($0.value.ageSeconds(now: now))") })
            + PrometheusText.family(
                MetricName.rebuildsInProgress, .gauge, [("", "\(rebuilds.count)")])
            + PrometheusText.family(
                MetricName.rebuildDone, .gauge,
                rebuilds.map { (Self.label($0.key), "\($0.value)") })
    }

    private static func label(_ partition: PartitionID) -> String {
        "{partition=\"\(partition.rawValue)\"}"
    }
}

extension QueueState {
    /// How long its oldest entry has waited; 0 if it is empty. The gate's clock may be ahead of this one.
    func ageSeconds(now: Timestamp) -> Double {
        guard let oldest else { return 0 }
        return max(0, Double(now.microseconds - oldest.microseconds) / 1e6)
    }
}
