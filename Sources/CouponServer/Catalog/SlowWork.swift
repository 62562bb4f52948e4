/// Everything slow that requests need beside the gate, in lanes: loads, statuses, decisions, admin methods.
internal import CouponCore
internal import CouponWire

struct SlowWork: Sendable {
    let news: Catalog
    let loads: Catalog
    private let statuses: Catalog
    let admin: Catalog
    private let retelling: Catalog
    private let audits: Catalog

    init(_ make: (Lane) -> Catalog) {
        news = make(.news)
        loads = make(.loads)
        statuses = make(.statuses)
        admin = make(.admin)
        retelling = make(.retelling)
        audits = make(.audits)
    }

    /// Every lane's catalog.
    var catalogs: [Catalog] { [news, loads, statuses, admin, retelling, audits] }

    /// Who does a slow method.
    func catalog(for method: Request.Method) -> Catalog {
        switch method.lane {
        case .statuses: statuses
        case .audits: audits
        default: admin
        }
    }

    /// Each second: what the gates may not know, and the accounts.
    func lookAround() {
        news.refreshPartitions()
        retelling.submitRecurring {
            $0.keeper.retell()
            $0.letters.tell()
        }
        audits.submitRecurring { $0.look() }
    }

    /// No more jobs.
    func finish() { for catalog in catalogs { catalog.finish() } }

    /// In Prometheus' text format.
    var metrics: String {
        var lines = ["# TYPE coupond_slow_waiting gauge"]
        lines += catalogs.map { "coupond_slow_waiting{lane=\"\($0.lane)\"} \($0.waiting)" }
        lines.append("# TYPE coupond_slow_refused_total counter")
        lines += catalogs.map { "coupond_slow_refused_total{lane=\"\($0.lane)\"} \($0.refused)" }
        return lines.joined(separator: "\n") + "\n"
    }
}
