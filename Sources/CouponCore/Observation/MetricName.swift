/// The names of all metrics. docs/OPERATIONS.md says what each counts; a test compares.
package enum MetricName {
    /// What the scheduler counts.
    package enum Scheduler: String, CaseIterable, Sendable {
        case issued = "coupond_issued_total"
        case rejected = "coupond_rejected_total"
        case deadLettered = "coupond_dead_lettered_total"
        case commits = "coupond_commits_total"
        case failures = "coupond_scheduler_failures_total"
        case rebuilds = "coupond_gate_rebuilds_total"
        case postgresRollbacks = "coupond_postgres_went_back_total"
    }
    package static let commitSeconds = "coupond_commit_seconds"
    package static let queueSeconds = "coupond_queue_seconds"
    package static let settleSeconds = "coupond_settle_seconds"
    package static let queueEntries = "coupond_queue_entries"
    package static let queueAge = "coupond_queue_age_seconds"
    package static let rebuildsInProgress = "coupond_rebuilds_in_progress"
    package static let rebuildDone = "coupond_rebuild_done_ratio"

    // The auditor.
    package static let drift = "coupond_drift"
    package static let driftRepairs = "coupond_drift_repairs_total"
    package static let auditedCoupons = "coupond_audited_coupons_total"

    // Event loops.
    package static let requests = "coupond_requests_total"
    package static let errors = "coupond_errors_total"
    package static let bounced = "coupond_bounced_total"
    package static let driftMarks = "coupond_drift_marks_total"
    package static let requestsInFlight = "coupond_requests_in_flight"
    package static let requestSeconds = "coupond_request_seconds"
    package static let frontDoorSeconds = "coupond_front_door_seconds"
    package static let gateSeconds = "coupond_gate_seconds"
    package static let slowRequests = "coupond_slow_requests_total"
    package static let loopLagSeconds = "coupond_event_loop_lag_seconds"
    package static let bytesReceived = "coupond_received_bytes_total"
    package static let bytesSent = "coupond_sent_bytes_total"

    // Gates.
    package static let ready = "coupond_ready"
    package static let degraded = "coupond_degraded"
    package static let partitionsOpen = "coupond_partitions_open"
    package static let partitionsOwned = "coupond_partitions_owned"
    package static let partitionsLent = "coupond_partitions_lent"

    // Connections.
    package static let connections = "coupond_connections"
    package static let connectionsRefused = "coupond_connections_refused_total"
    package static let httpRefused = "coupond_http_refused_total"
    package static let limited = "coupond_limited_total"
    package static let acceptFailures = "coupond_accept_failures_total"
    package static let tlsCertificateExpiry = "coupond_tls_certificate_expiry_seconds"
    package static let tlsHandshakeFailures = "coupond_tls_handshake_failures_total"

    // Access.
    package static let accessRefused = "coupond_access_refused_total"

    // Lanes.
    package static let slowWaiting = "coupond_slow_waiting"
    package static let slowRefused = "coupond_slow_refused_total"

    // The trail.
    package static let trailLinesLost = "coupond_trail_lines_lost_total"

    // Redis and PostgreSQL.
    package static let refusals = "coupond_refusals_total"
    package static let sessionsLost = "coupond_sessions_lost_total"
    package static let topologyReadable = "coupond_topology_readable"
    package static let topologyEpoch = "coupond_topology_epoch"
    package static let nodeTerm = "coupond_node_term"
    package static let nodePartitions = "coupond_node_partitions"

    /// What Linux knows of the process, under the names of Prometheus' client libraries.
    package enum Process: String, CaseIterable, Sendable {
        case cpu = "process_cpu_seconds_total"
        case residentMemory = "process_resident_memory_bytes"
        case virtualMemory = "process_virtual_memory_bytes"
        case threads = "process_threads"
        case openFiles = "process_open_fds"
        case maximumFiles = "process_max_fds"
        case startTime = "process_start_time_seconds"
    }

    // The daemon.
    package static let buildInfo = "coupond_build_info"
    package static let subscriptionUp = "coupond_subscription_up"
    package static let unsafeRedisAllowed = "coupond_unsafe_redis_allowed"
    package static let reloadFailures = "coupond_reload_failures_total"
    package static let settingsNeedRestart = "coupond_settings_need_restart"
    package static let logLinesDropped = "coupond_log_lines_dropped_total"
}
