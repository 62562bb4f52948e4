/// The names of all metrics, and a sentence for each. docs/OPERATIONS.md says more; a test compares.
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
    package static let proxyHeadersMissing = "coupond_proxy_headers_missing_total"
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

/// What each metric counts, in a sentence, for the `# HELP` lines. docs/OPERATIONS.md says more.
extension MetricName {
    package static let help: [String: String] = [
        Scheduler.issued.rawValue: "Issues that this daemon has committed.",
        Scheduler.rejected.rawValue: "Accepted requests that ended without an issue.",
        Scheduler.deadLettered.rawValue: "Accepted requests that could not be issued.",
        Scheduler.commits.rawValue: "Issuing transactions.",
        Scheduler.failures.rawValue: "Steps of the scheduler that failed and are tried again.",
        Scheduler.rebuilds.rawValue: "Gates that were rebuilt.",
        Scheduler.postgresRollbacks.rawValue:
            "Partitions or coupons for which PostgreSQL was older than the gate.",
        commitSeconds: "Duration of issuing transactions.",
        queueSeconds:
            "How long the oldest request of an issuing transaction had waited in its queue.",
        settleSeconds: "Duration of settling a commit at the gate.",
        queueEntries: "Queue entries that are not issued, by partition; of owned partitions.",
        queueAge: "How long the oldest queue entry has waited, by partition; of owned partitions.",
        rebuildsInProgress: "Gates that are being rebuilt.",
        rebuildDone: "The share of a rebuild that is done, by partition.",
        drift: "Coupons whose accounts do not add up.",
        driftRepairs: "Coupons that the auditor sent to a gate again.",
        auditedCoupons: "Checks of a coupon's accounts.",
        requests: "Answers to issue requests.",
        errors: "Issue requests that ended in an error.",
        bounced: "Answers given at the front door, without Redis.",
        driftMarks: "Stale marks of the front door that the auditor dropped.",
        requestsInFlight: "Requests without an answer.",
        requestSeconds: "Duration of requests by method; of bounces, those of one turn in 16.",
        frontDoorSeconds: "Time from an issue request to the gate call that it travels in.",
        gateSeconds: "Time from a gate call to its answer, for each of its requests.",
        slowRequests: "Requests that took longer than the setting slow-request.",
        loopLagSeconds: "How late the timers of event loops are.",
        bytesReceived: "Bytes received from callers, without TLS.",
        bytesSent: "Bytes sent to callers, without TLS.",
        ready: "1 while /readyz answers 200: a gate is open, and requests can be answered.",
        degraded: "1 while requests for some coupons cannot be accepted.",
        partitionsOpen: "Partitions with an open gate.",
        partitionsOwned: "Partitions whose queues this daemon drains.",
        partitionsLent: "Partitions of this daemon that are lent to another issuing lane.",
        connections: "Connections of callers.",
        connectionsRefused: "Connections refused because there were too many.",
        proxyHeadersMissing:
            "Connections from addresses of proxies that began without a PROXY header.",
        httpRefused:
            "HTTP connections and requests refused: too many, too long or too slow, or not allowed.",
        limited: "Requests and connections refused or ended by a limit, by reason.",
        acceptFailures: "Failures to accept a connection.",
        tlsCertificateExpiry: "When the daemon's TLS certificate ends, in Unix time.",
        tlsHandshakeFailures: "TLS handshakes that failed, by cause.",
        accessRefused: "Requests and connections refused because of who called, by reason.",
        slowWaiting: "Slow jobs that are waiting.",
        slowRefused: "Slow jobs refused because too many were waiting.",
        Process.cpu.rawValue: "Processor time used, in seconds.",
        Process.residentMemory.rawValue: "Resident memory, in bytes.",
        Process.virtualMemory.rawValue: "Virtual memory, in bytes.",
        Process.threads.rawValue: "Threads.",
        Process.openFiles.rawValue: "Open file descriptors.",
        Process.maximumFiles.rawValue: "The limit of open file descriptors.",
        Process.startTime.rawValue: "When the process started, in seconds since the Unix epoch.",
        buildInfo: "1; the label is the version.",
        trailLinesLost: "Actions that could not be written to the trail.",
        subscriptionUp: "1 while the daemon receives events.",
        refusals: "What Redis and PostgreSQL refused to do, by cause.",
        sessionsLost: "Sessions and connections that were lost, by server.",
        topologyReadable: "1 while most sentinels, or a node of the cluster, say where Redis is.",
        topologyEpoch: "The epoch of the cluster, or Sentinel's config epoch.",
        nodeTerm: "The term of a node of Redis: it rises with every failover.",
        nodePartitions: "Partitions whose keys are at a node of Redis.",
        unsafeRedisAllowed: "1 with allow-unsafe-redis.",
        reloadFailures: "Reloads that failed and changed nothing.",
        settingsNeedRestart: "Settings that have changed since the start and need a restart.",
        logLinesDropped: "Log lines dropped because nobody read them in time.",
    ]
}
