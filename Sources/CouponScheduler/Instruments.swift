/// The scheduler's metrics, made once: each is 0 from the start.
internal import CoreMetrics
internal import CouponCore
internal import Metrics

package struct Instruments: Sendable {
    private let counters: [MetricName.Scheduler: Counter]
    private let commitTime = Metrics.Timer(label: MetricName.commitSeconds)
    private let queueTime = Metrics.Timer(label: MetricName.queueSeconds)
    private let settleTime = Metrics.Timer(label: MetricName.settleSeconds)

    package init() {
        counters = MetricName.Scheduler.allCases.reduce(into: [:]) {
            $0[$1] = Counter(label: $1.rawValue)
        }
    }

    func count(_ metric: MetricName.Scheduler, by amount: Int = 1) {
        counters[metric]?.increment(by: amount)
    }

    func record(_ commit: Commit, nanoseconds: Int64) {
        let dead = commit.rejections.count { $0.reason == .deadLetter }
        count(.issued, by: commit.issued)
        count(.deadLettered, by: dead)
        count(.rejected, by: commit.rejections.count - dead)
        count(.commits)
        commitTime.recordNanoseconds(nanoseconds)
    }

    /// - Parameter nanoseconds: since the oldest request of a batch was accepted.
    func record(queued nanoseconds: Int64) { queueTime.recordNanoseconds(max(0, nanoseconds)) }

    func record(settled nanoseconds: Int64) { settleTime.recordNanoseconds(nanoseconds) }
}
