/// The scheduler's metrics, made once.
internal import CouponCore
internal import CoreMetrics
internal import Metrics

struct Instruments {
    let issued = Counter(label: "coupond_issued_total")
    let rejected = Counter(label: "coupond_rejected_total")
    let deadLettered = Counter(label: "coupond_dead_lettered_total")
    let commits = Counter(label: "coupond_commits_total")
    let commitTime = Metrics.Timer(label: "coupond_commit_seconds")
    let failures = Counter(label: "coupond_scheduler_failures_total")
    let rebuilds = Counter(label: "coupond_gate_rebuilds_total")
    let postgresRollbacks = Counter(label: "coupond_postgres_went_back_total")

    func record(_ commit: Commit, nanoseconds: Int64) {
        let dead = commit.rejections.count { $0.reason == .deadLetter }
        issued.increment(by: commit.issued)
        deadLettered.increment(by: dead)
        rejected.increment(by: commit.rejections.count - dead)
        commits.increment()
        commitTime.recordNanoseconds(nanoseconds)
    }
}
