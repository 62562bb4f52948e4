/// A key of the table, and its bound.
struct Goal {
    enum Bound {
        case atLeast(Double)
        case atMost(Double)
        /// No bound. The report has it, so that a change can be seen.
        case recorded
    }

    let key: String
    let what: String
    let bound: Bound

    private init(_ key: String, _ bound: Bound, _ what: String) {
        self.key = key
        self.what = what
        self.bound = bound
    }

    static let all: [Goal] = [
        Goal(
            "bounce_vs_redis_get", .atLeast(1.0),
            "bounces a second ÷ redis-benchmark GET, 50 connections, pipeline 16, one thread each"),
        Goal("bounce_unpipelined_vs_redis_get", .atLeast(1.2), "the same with pipeline 1"),
        Goal(
            "accept_vs_script", .atLeast(1.7),
            "accepted a second ÷ redis-benchmark EVALSHA of a gate script, pipeline 64, queue at rest"
        ),
        Goal("accept_unpipelined_vs_script", .atLeast(1.2), "the same with pipeline 1"),
        Goal(
            "client_vs_generator", .atLeast(0.6),
            "accepted a second, 50 tasks of the Swift client ÷ the load generator, 50 connections, pipeline 1"
        ),
        Goal(
            "drain_vs_reference", .atLeast(120),
            "rows a second from a full queue ÷ the reference loop"),
        Goal("drain_vs_copy", .atLeast(0.6), "the same ÷ COPY of as many rows into the same table"),
        Goal(
            "sale_vs_reference", .atLeast(60),
            "a sale of 200,000, first request to last row, a second ÷ the reference loop"),
        Goal(
            "issued_latency", .atMost(4),
            "p99 of request to ISSUED, 10,000/s, open loop ÷ p99 of a small commit every 10 ms beside it"
        ),
        Goal("issued_latency_p50", .atMost(6), "the same at the median"),
        Goal(
            "accept_latency_ratio", .atMost(1.5),
            "p99 to ACCEPTED at half of the highest rate, open loop ÷ the same of EVALSHA"),
        Goal(
            "status_vs_select", .atLeast(3),
            "statuses a second, 50 connections, pipeline 16 ÷ pgbench, prepared select of one row, 50 clients"
        ),
        Goal("status_unpipelined_vs_select", .atLeast(1), "the same with pipeline 1"),
        Goal(
            "status_idle_ratio", .atMost(1.5),
            "median of one status alone ÷ one EVALSHA and one prepared select, one client"),
        Goal(
            "issue_p99_under_status", .atMost(2),
            "p99 of requests, 2,000/s, beside statuses at half of their highest rate ÷ beside an echo"
        ),
        Goal(
            "load_under_status", .atMost(2),
            "p99 of the first request of a coupon, 200/s, likewise"),
        Goal(
            "lookup_under_status", .atMost(2),
            "p99 of requests for coupons that do not exist, 200/s, likewise"),
        Goal("admin_under_status", .atMost(2), "p99 of get_coupon, 200/s, likewise"),
        Goal(
            "soldout_spread_ms", .atMost(20),
            "last commit until all of 4 daemons bounce, p99 of 50 sales, ms"),
        Goal(
            "idle_connection_kib", .atMost(3),
            "resident memory of an idle connection, of 10,000, KiB"),
        Goal(
            "holder_bytes", .atMost(72),
            "Redis' used_memory for each of 1,000,000 holders of one coupon, bytes"),
        Goal(
            "recovery_large", .atMost(0.7),
            "loss of Redis until a coupon with 3,000,000 holders accepts ÷ COPY out, then redis-cli --pipe"
        ),
        Goal("rss_under_load_mib", .atMost(96), "highest resident memory in the sale, MiB"),
        Goal("growth_rows", .atLeast(0.7), "drain with 10,000,000 rows in the table ÷ with none"),
        Goal("growth_coupons", .atLeast(0.5), "accepted a second, 1,000 coupons at once ÷ one"),
        Goal("growth_coupons_10k", .atLeast(0.35), "the same with 10,000 coupons"),
        Goal(
            "tls_bounce_ratio", .atLeast(0.7),
            "bounces a second through TLS ÷ without, 50 connections, pipeline 16"),
        Goal("tls_accept_ratio", .atLeast(0.7), "the same of accepted requests, pipeline 64"),
        Goal("growth_connections", .atLeast(0.6), "bounces a second, 5,000 connections ÷ 50"),
        Goal(
            "instructions_per_bounce", .recorded,
            "callgrind instructions of the daemon for one bounced request"),
    ]

    /// Whether a figure meets the goal; nil without a bound.
    func isMet(by figure: Double) -> Bool? {
        switch bound {
        case .atLeast(let least): figure >= least
        case .atMost(let most): figure <= most
        case .recorded: nil
        }
    }

    var text: String {
        switch bound {
        case .atLeast(let least): "≥ \(formatted(least))"
        case .atMost(let most): "≤ \(formatted(most))"
        case .recorded: "recorded"
        }
    }
}

/// At most four significant digits: a goal that is nearly met must not look met.
func formatted(_ value: Double) -> String {
    if value >= 100 || value == value.rounded() { return String(Int(value.rounded())) }
    let factor = value >= 10 ? 100.0 : 1_000.0
    return String((value * factor).rounded() / factor)
}
