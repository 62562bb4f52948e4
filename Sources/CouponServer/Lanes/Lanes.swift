/// Everything slow that requests need beside the gate, in lanes: loads, statuses, decisions, admin methods.
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

    /// Every lane's lane.
    var lanes: [BlockingLane] { [news, loads, admin, resync, audits] + statuses.lanes }

    /// Who does a slow method.
    func lane(for method: Request.Method) -> BlockingLane {
        switch method.lane {
        case .audits: audits
        default: admin
        }
    }

    /// Each second: what the gates may not know, and the accounts.
    func lookAround() {
        news.refreshPartitions()
        resync.submitRecurring {
            $0.keeper.resync()
            $0.letters.tell()
        }
        audits.submitRecurring { $0.look() }
    }

    /// No more jobs.
    func finish() { for lane in lanes { lane.finish() } }

    /// In Prometheus' text format.
    var metrics: String {
        var lines = ["# TYPE coupond_slow_waiting gauge"]
        lines += lanes.map { "coupond_slow_waiting{lane=\"\($0.kind)\"} \($0.waiting)" }
        lines.append("# TYPE coupond_slow_refused_total counter")
        lines += lanes.map { "coupond_slow_refused_total{lane=\"\($0.kind)\"} \($0.refused)" }
        return lines.joined(separator: "\n") + "\n"
    }
}
