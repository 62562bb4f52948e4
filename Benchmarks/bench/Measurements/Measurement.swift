/// Figures that are measured together, because they share servers, runs or baselines.
struct Measurement: Sendable {
    /// Keys of `Goal.all`.
    let keys: [String]
    let run: @Sendable (Stage) async throws -> [Figure]

    /// In the order in which they run; the longest is last.
    static let all: [Measurement] = [
        Measurement(
            keys: ["bounce_vs_redis_get", "bounce_unpipelined_vs_redis_get"], run: measureBounces),
        Measurement(keys: ["growth_connections"], run: measureManyConnections),
        Measurement(keys: ["idle_connection_kib"], run: measureIdleConnections),
        Measurement(
            keys: ["accept_vs_script", "drain_vs_copy", "drain_vs_reference"],
            run: measureAccepting),
        Measurement(keys: ["accept_unpipelined_vs_script"], run: measureAcceptingOneByOne),
        Measurement(keys: ["client_vs_generator"], run: measureClient),
        Measurement(keys: ["tls_bounce_ratio", "tls_accept_ratio"], run: measureTLS),
        Measurement(keys: ["growth_coupons", "growth_coupons_10k"], run: measureManyCoupons),
        Measurement(
            keys: ["status_vs_select", "status_unpipelined_vs_select", "status_idle_ratio"],
            run: measureStatuses),
        Measurement(
            keys: [
                "issue_p99_under_status", "load_under_status", "lookup_under_status",
                "admin_under_status",
            ], run: measureBesideStatuses),
        Measurement(keys: ["sale_vs_reference", "rss_under_load_mib"], run: measureSale),
        Measurement(keys: ["accept_latency_ratio"], run: measureAcceptLatency),
        Measurement(keys: ["issued_latency", "issued_latency_p50"], run: measureIssuedLatency),
        Measurement(keys: ["holder_bytes"], run: measureHolderBytes),
        Measurement(keys: ["recovery_large"], run: measureRecovery),
        Measurement(keys: ["soldout_spread_ms"], run: measureSpread),
        Measurement(keys: ["instructions_per_bounce"], run: measureInstructions),
        Measurement(keys: ["growth_rows"], run: measureManyRows),
    ]
}
