/// The stable ids of log lines. A text may be worded better some day; its id stays, so programs that read the
/// log look at the id. docs/LOG.md has the table; a test compares both with every line that is logged.
package enum LogEventID {
    /// The id of a line's text; nil if it has none.
    package static func id(of message: String) -> String? { ids[message] }

    private static let ids = Dictionary(
        all.map { ($0.message, $0.id) }, uniquingKeysWith: { first, _ in first })

    package static let all: [(id: String, message: String)] = [
        ("listening", "listening"),
        ("listening-early", "listening before every gate is open"),
        ("address-missing", "some addresses have no listener"),
        ("cannot-listen", "the daemon cannot listen"),
        ("listener-lost", "a listening socket was lost"),
        ("accept-failed", "connections cannot be accepted"),
        ("accept-works", "connections are accepted again"),
        ("reloaded", "reloaded"),
        ("reload-failed", "the reload failed, and changed nothing"),
        ("reload-result-lost", "the result of a reload cannot be written"),
        ("settings-changed", "settings have changed"),
        ("settings-need-restart", "settings have changed that need a restart"),
        ("draining", "draining"),
        ("drain-timed-out", "the drain timed out"),
        ("stopped", "stopped"),
        ("stop-bounded", "the stop took too long: the daemon ends while a thread still waits"),
        ("threads-stuck", "threads stand still: the watchdog is not fed"),
        ("stopped-early", "stopped before it served"),
        ("fault", "the daemon failed"),
        ("issuing-begun", "issuing has begun"),
        ("issuing-ended", "issuing has ended"),
        ("gate-settled", "the gate is settled and the completion event published"),
        ("completion-event", "a completion event came"),
        ("front-doors-updated", "the front doors are updated"),
        ("sold-out", "coupon sold out"),
        ("dead-letters", "requests became dead letters"),
        ("recovered", "settled what an earlier owner had committed"),
        ("step-failed", "step of a partition failed, retrying"),
        ("partitions-reassigned", "partitions reassigned"),
        ("partition-lent", "partition lent to another lane"),
        (
            "partition-offered",
            "partitions are offered to the other daemons: their nodes are not reached"
        ),
        ("rebuild-begun", "rebuilding the gate"),
        ("rebuild-ended", "gate rebuilt"),
        ("lower-term", "a partition is not rebuilt in a Redis of a lower term"),
        ("slow-request", "a request was slow"),
        ("sampled-request", "a request of the sample succeeded"),
        ("issues-lost", "PostgreSQL went back: issues that were committed are lost"),
        ("change-lost", "PostgreSQL went back: a change of a coupon that was committed is lost"),
        ("drift", "the accounts of a coupon do not add up"),
        ("drift-gone", "the accounts of a coupon add up again"),
        ("drift-repair", "the gate is behind the tables, sending it the coupon again"),
        ("audit-unreadable", "the accounts of a coupon cannot be read"),
        ("audit-uncounted", "the rows of a coupon cannot be counted"),
        ("foreign-entries", "queue entries of another program were removed"),
        ("admin-acted", "an admin acted"),
        ("rebuild-requested", "an admin requested the rebuild of a gate"),
        ("trail-waits", "the trail cannot be written; its lines wait"),
        ("trail-lacks", "the trail lacks an action"),
        ("caller-refused", "a caller was refused"),
        (
            "secret-readable",
            "a file with a secret can be read by every user of this machine"
        ),
        ("observer-refused", "a request over HTTP was refused"),
        ("limit-met", "callers met a limit"),
        ("handshake-failed", "a TLS handshake failed"),
        (
            "proxy-header-missing",
            "a connection from a proxy's address began without a PROXY header"
        ),
        ("internal-error", "a caller got INTERNAL"),
        ("redis-lost", "no connection to the gate"),
        ("redis-refuses-call", "Redis refuses a gate call"),
        ("redis-refuses-connection", "Redis refuses a connection"),
        ("redis-refuses-command", "Redis refuses a command"),
        ("redis-rights-lacking", "the Redis user lacks rights"),
        ("redis-rights-back", "the Redis user has all rights again"),
        ("redis-unsafe", "Redis runs with unsafe settings"),
        ("redis-wait-failed", "waiting for work in Redis failed"),
        ("topology-changed", "the topology of Redis has changed"),
        ("topology-unreadable", "the topology of Redis cannot be read"),
        ("topology-readable", "the topology of Redis can be read again"),
        (
            "queue-unwatched",
            "a queue cannot be watched in Redis: its entries are found a moment later"
        ),
        ("replicas-silent", "replicas cannot be asked"),
        ("subscription-refused", "cannot subscribe to events"),
        (
            "subscription-broken",
            "the event subscription is broken: finished coupons cost more and waiters wait longer"
        ),
        ("subscription-back", "the event subscription works again"),
        ("event-unreadable", "dropped an event that cannot be read"),
        ("schema-migrated", "schema migrated"),
        ("session-lost", "session with PostgreSQL lost"),
        ("connection-lost", "connection to PostgreSQL lost"),
        ("postgres-rights-lacking", "the PostgreSQL role lacks rights"),
        ("postgres-rights-back", "the PostgreSQL role has all rights again"),
        ("postgres-notice", "notice from PostgreSQL"),
        ("partitions-unreadable", "the partitions cannot be read"),
        ("backend-failed", "a backend call failed"),
        ("variables-ignored", "variables that are not settings are ignored"),
        ("waiting-for-servers", "waiting for Redis or PostgreSQL"),
        ("servers-unreachable", "Redis or PostgreSQL cannot be reached"),
        ("redis-not-durable", "Redis is not configured to store data durably"),
        (
            "redis-rights-missing",
            "the Redis user lacks rights; `coupond acl redis` prints all it needs"
        ),
        ("postgres-refused", "PostgreSQL refused to prepare the database"),
        ("secret-unusable", "a file with a secret cannot be used"),
        ("tls-unusable", "a TLS file cannot be used"),
        ("redis-file-unusable", "a file for connections to Redis cannot be used"),
        ("certificate-expired", "the certificate of tls-certificate has expired"),
        (
            "descriptors-none",
            "the limit of open files leaves none for callers: raise LimitNOFILE, or ulimit -Hn"
        ),
        (
            "descriptors-few",
            "max-connections needs a higher limit of open files: raise LimitNOFILE, or ulimit -Hn"
        ),
        ("systemd-unreachable", "systemd cannot be notified"),
        ("lines-dropped", "lines of the log were dropped: nobody read them in time"),
    ]
}
