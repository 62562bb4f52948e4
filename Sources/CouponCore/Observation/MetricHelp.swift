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
        drift: "Coupons whose accounts do not add up.",
        driftRepairs: "Coupons that the auditor sent to a gate again.",
        auditedCoupons: "Checks of a coupon's accounts.",
        requests: "Answers to issue requests.",
        errors: "Issue requests that ended in an error.",
        bounced: "Answers given at the front door, without Redis.",
        driftMarks: "Stale entries of the front door that the auditor dropped.",
        requestsInFlight: "Requests without an answer.",
        connections: "Connections of callers.",
        connectionsRefused: "Connections refused because there were too many.",
        acceptFailures: "Failures to accept a connection.",
        slowWaiting: "Slow jobs that are waiting.",
        slowRefused: "Slow jobs refused because too many were waiting.",
        subscriptionUp: "1 while the daemon receives events.",
        refusals: "What Redis and PostgreSQL refused to do, by cause.",
        unsafeRedisAllowed: "1 with allow-unsafe-redis.",
        reloadFailures: "Reloads that failed and changed nothing.",
        logLinesDropped: "Log lines dropped because nobody read them in time.",
    ]
}
