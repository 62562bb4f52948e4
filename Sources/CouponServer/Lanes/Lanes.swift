/// All lanes of slow work: decisions, loads, statuses, admin methods, resync, audits.
internal import CouponCore
internal import CouponWire

struct Lanes: Sendable {
    let news: BlockingLane
    let loads: BlockingLane
    let statuses: StatusQueue
    let admin: BlockingLane
    private let resync: BlockingLane
    private let audits: BlockingLane

    init(_ make: (Lane) -> BlockingLane) {
        news = make(.news)
        loads = make(.loads)
        statuses = StatusQueue([make(.statuses), make(.statuses)])
        admin = make(.admin)
        resync = make(.resync)
        audits = make(.audits)
    }

    /// All of them.
    var lanes: [BlockingLane] { jobLanes + statuses.lanes }

    private var jobLanes: [BlockingLane] { [news, loads, admin, resync, audits] }

    /// The lane of a slow method that is no status.
    func lane(for method: Request.Method) -> BlockingLane {
        method.lane == .audits ? audits : admin
    }

    /// Counts a method that was refused before it came to its lane.
    func refuse(_ method: Request.Method) {
        if method.lane == .statuses { statuses.refuse() } else { lane(for: method).refuse() }
    }

    /// Queues what recurs each second: partitions, coupons that open soon, the trail, resync, the auditor.
    func submitRecurring() {
        news.refreshPartitions()
        loads.submitRecurring { $0.loadOpening() }
        resync.submitRecurring {
            $0.writeTrail()
            $0.keeper.resync()
            $0.letters.resync()
        }
        audits.submitRecurring { $0.look() }
    }

    /// Writes all lines of the trail that wait: the daemon ends.
    func writeLastLines() async { await resync.writeTrail(isLast: true) }

    /// No more jobs.
    func finish() { for lane in lanes { lane.finish() } }

    /// How many jobs wait in each lane, and how many were refused.
    var metrics: [MetricFamily] {
        let lanes: [(kind: Lane, waiting: Int, refused: Int)] =
            jobLanes.map { ($0.kind, $0.waiting, $0.refused) }
            + [(.statuses, statuses.waiting, statuses.refused)]
        return [
            MetricFamily(
                MetricName.slowWaiting, .gauge, by: "lane",
                lanes.map { ("\($0.kind)", $0.waiting) }),
            MetricFamily(
                MetricName.slowRefused, .counter, by: "lane",
                lanes.map { ("\($0.kind)", $0.refused) }),
        ]
    }
}
