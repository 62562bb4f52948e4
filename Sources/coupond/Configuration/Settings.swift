/// The table of settings: the one place that knows their keys, forms, defaults and meanings.
internal import CouponCore
internal import Logging

enum Settings {
    static let variablePrefix = "COUPOND_"

    static let config = Setting(
        "config", .optional("a path"), "",
        "The file with settings (not a setting of that file itself)")
    static let listen = Setting("listen", .listener, "127.0.0.1:7070", "Where callers connect")
    static let metricsListen = Setting(
        "metrics-listen", .listenerOrOff, "127.0.0.1:7071",
        "Where HTTP for metrics and health is served: /metrics, /livez, /readyz")
    static let eventLoops = Setting(
        "event-loops", .wholeOrAuto(1...256), "auto",
        "Threads that serve connections; auto is one for each core")
    static let redis = Setting(
        "redis", .server, "127.0.0.1:6379", "The Redis that holds gates and queues")
    static let redisUser = Setting(
        "redis-user", .optional("a name"), "", "The ACL user of Redis; nothing for the default user"
    )
    static let redisPasswordFile = Setting(
        "redis-password-file", .optional("a path"), "",
        "A file whose first line is the password of Redis")
    static let redisWaitReplicas = Setting(
        "redis-wait-replicas", .whole(0...16), "0",
        "Replicas of Redis that must have what was accepted before a caller is told")
    static let redisWaitTimeout = Setting(
        "redis-wait-timeout", .duration(.milliseconds(1)...(.seconds(60))), "500ms",
        "How long they may take; then the caller is told UNAVAILABLE, fate unknown")
    static let allowUnsafeRedis = Setting(
        "allow-unsafe-redis", .yesOrNo, "false",
        "Serve with a Redis that may lose what was accepted, and warn")
    static let postgres = Setting(
        "postgres", .text("a libpq connection string or URI"),
        "host=/var/run/postgresql dbname=coupond", "The PostgreSQL database with coupons and issues"
    )
    static let partitions = Setting(
        "partitions", .whole(1...Limits.maximumPartitions), "16",
        "Partitions of a new database; one that is set up keeps its number")
    static let maxConnections = Setting(
        "max-connections", .whole(1...1_000_000), String(Limits.connections),
        "Connections at once; one more is refused")
    static let maxFrameBytes = Setting(
        "max-frame-bytes", .whole(1_024...Limits.messageMemoryBytes), String(Limits.frameBytes),
        "The longest message of a caller")
    static let backlogPerCoupon = Setting(
        "backlog-per-coupon", .whole(1...1_000_000_000), String(Limits.backlogPerCoupon),
        "Requests of one coupon that may be accepted and not yet settled")
    static let backlogPerPartition = Setting(
        "backlog-per-partition", .whole(1...1_000_000_000), String(Limits.backlogPerPartition),
        "The same for all coupons of a partition; bounds the memory of Redis")
    static let maxBatch = Setting(
        "max-batch", .whole(1...50_000), String(Limits.requestsPerTransaction),
        "Requests in one issuing transaction")
    static let finishedRetention = Setting(
        "finished-retention", .duration(.seconds(1)...(.seconds(8_760 * 3_600))), "24h",
        "How long Redis remembers who holds a finished coupon")
    static let drainTimeout = Setting(
        "drain-timeout", .duration(.zero...(.seconds(60))), "10s",
        "How long a daemon that was told to stop may take for what it accepted")
    static let adminTokenFile = Setting(
        "admin-token-file", .optional("a path"), "",
        "A file whose first line admin callers must present; without it they are served on this "
            + "machine only")
    static let logLevel = Setting(
        "log-level", Form<Logger.Level>.choice, "info", "The least level that is logged")
    static let logFormat = Setting(
        "log-format", Form<LogFormat>.choice, "auto",
        "JSON or text lines; auto is text on a terminal, else JSON")

    static let all: [any AnySetting] = [
        config, listen, metricsListen, eventLoops, redis, redisUser, redisPasswordFile,
        redisWaitReplicas, redisWaitTimeout, allowUnsafeRedis, postgres,
        partitions, maxConnections, maxFrameBytes, backlogPerCoupon, backlogPerPartition, maxBatch,
        finishedRetention, drainTimeout, adminTokenFile, logLevel, logFormat,
    ]

    /// Those that a file may have.
    static let inFile = all.filter { $0.key != config.key }
}
