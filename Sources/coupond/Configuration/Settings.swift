/// The table of settings: the one place that knows their keys, forms, defaults and meanings. Flags,
/// variables, keys of the file, the configuration and the help derive from it.
internal import CouponCore
internal import Logging
internal import NIOCore

struct Settings {
    static let table = Settings()
    /// In the order of the table.
    static let all = Mirror(reflecting: table).children.compactMap { $0.value as? any AnySetting }
    /// The keys that a file may have.
    static let inFile = all.filter { $0.key != table.config.key }
    static let variablePrefix = "COUPOND_"
    /// The settings whose values a reload changes. Of the other settings, a reload reads only the files that
    /// they name.
    static let reloadable: Set<String> = [
        table.logLevel.key, table.slowRequest.key, table.logSample.key, table.idleTimeout.key,
        table.maxConnections.key, table.maxConnectionsPerAddress.key, table.userRate.key,
        table.maxRequestsInFlight.key, table.maxBufferBytes.key, table.backlogPerCoupon.key,
        table.backlogPerPartition.key,
    ]

    let config = Setting(
        "config", .optional("a path"), "",
        "The file with settings (not a setting of that file itself)")
    let listen = Setting("listen", .listeners, "127.0.0.1:7070", "Where callers connect")
    let adminListen = Setting(
        "admin-listen", .listenerOrNothing, "",
        "Where admin methods are answered; if it is set, they are refused at the addresses of listen"
    )
    let unixSocketMode = Setting(
        "unix-socket-mode", .mode, "0660", "The permissions of unix sockets for callers")
    let unixSocketGroup = Setting(
        "unix-socket-group", .optional("a group"), "",
        "The group of unix sockets for callers; empty for the daemon's own")
    let reusePort = Setting(
        "reuse-port", .yesOrNo, "false",
        "Let several daemons of one user share the ports of listen")
    let proxies = Setting(
        "proxies", .ranges, "",
        "Whose connections begin with a header of the PROXY protocol, version 2, which names the caller"
    )
    let tlsCertificate = Setting(
        "tls-certificate", .optional("a path"), "",
        "A PEM file with the daemon's certificate and its chain; with it, TCP is served by TLS only"
    )
    let tlsKey = Setting(
        "tls-key", .optional("a path"), "", "A PEM file with the key of that certificate")
    let tlsClientCA = Setting(
        "tls-client-ca", .optional("a path"), "",
        "A PEM file with the CA of callers; with it, callers by TCP need a certificate of it")
    let allowPlaintext = Setting(
        "allow-plaintext", .yesOrNo, "false",
        "Listen beyond this machine without TLS")
    let allowAnonymousCallers = Setting(
        "allow-anonymous-callers", .yesOrNo, "false",
        "Listen beyond this machine for callers that do not say who they are")
    let metricsListen = Setting(
        "metrics-listen", .listenerOrOff, "127.0.0.1:7071",
        "Where HTTP for metrics and health is served: /metrics, /livez, /readyz")
    let eventLoops = Setting(
        "event-loops", .wholeOrAuto(1...256, automatic: System.coreCount), "auto",
        "Threads that serve connections; auto is one for each core")
    let redis = Setting(
        "redis", .redis, "127.0.0.1:6379",
        "The Redis that holds gates and queues: one server, nodes of a cluster, or the sentinels of a "
            + "master")
    let redisAddressMap = Setting(
        "redis-address-map", .addressMap, "",
        "The addresses to use for those that a cluster or Sentinel names, if a network "
            + "translates them")
    let redisUser = Setting(
        "redis-user", .optional("a name"), "", "The ACL user of Redis; empty for the default user"
    )
    let redisPasswordFile = Setting(
        "redis-password-file", .optional("a path"), "",
        "A file whose first line is the password of Redis")
    let redisTLS = Setting("redis-tls", .yesOrNo, "false", "Speak TLS to Redis")
    let redisTLSCA = Setting(
        "redis-tls-ca", .optional("a path"), "",
        "A PEM file of the authorities that may sign the certificate of Redis; empty for those "
            + "of the system")
    let redisTLSCertificate = Setting(
        "redis-tls-certificate", .optional("a path"), "",
        "A PEM file with the certificate that the daemon shows to Redis, and its chain")
    let redisTLSKey = Setting(
        "redis-tls-key", .optional("a path"), "", "A PEM file with the key of that certificate")
    let redisTLSServerName = Setting(
        "redis-tls-server-name", .optional("a name"), "",
        "The name in the certificate of Redis; empty for the host to which a connection goes")
    let redisWaitReplicas = Setting(
        "redis-wait-replicas", .whole(0...16), "0",
        "Replicas of Redis that must have an acceptance before the caller gets it")
    let redisWaitTimeout = Setting(
        "redis-wait-timeout", .duration(.milliseconds(1)...(.seconds(60))), "500ms",
        "How long these replicas may take; then the caller gets UNAVAILABLE, acceptance unknown")
    let allowUnsafeRedis = Setting(
        "allow-unsafe-redis", .yesOrNo, "false",
        "Serve with a Redis that may lose acceptances, and warn")
    let postgres = Setting(
        "postgres", .text("a libpq connection string or URI"),
        "host=/var/run/postgresql dbname=coupond", "The PostgreSQL database with coupons and issues"
    )
    let postgresPasswordFile = Setting(
        "postgres-password-file", .optional("a path"), "",
        "A file whose first line is the password of PostgreSQL; read for each new session")
    let partitions = Setting(
        "partitions", .whole(1...Limits.maximumPartitions), "16",
        "Partitions of a new database; an existing one keeps its number")
    let migrateAtStart = Setting(
        "migrate-at-start", .yesOrNo, "true",
        "Bring the schema up to date at the start, if the role may; else only `coupond migrate` does"
    )
    let maxConnections = Setting(
        "max-connections", .whole(1...1_000_000), String(Limits.connections),
        "Connections at once; further ones are refused")
    let maxConnectionsPerAddress = Setting(
        "max-connections-per-address", .addressLimit, "auto",
        "Connections of one address (of IPv6: one /64); auto is a quarter of max-connections, "
            + "and off for loopback")
    let idleTimeout = Setting(
        "idle-timeout", .duration(.seconds(1)...(.seconds(24 * 3_600))), "10m",
        "How long a connection may stay open without a request")
    let userRate = Setting(
        "user-rate", .wholeOrOff(1...1_000_000), "off",
        "Issue requests of one user each second; further ones are refused")
    let maxRequestsInFlight = Setting(
        "max-requests-in-flight", .whole(1...10_000_000), String(Limits.requestsInFlight),
        "Requests without an answer; further ones are refused")
    let maxBufferBytes = Setting(
        "max-buffer-bytes", .whole(1_048_576...1_099_511_627_776), String(Limits.bufferBytes),
        "Bytes that connections may hold in memory; beyond it those that stand still longest "
            + "are closed")
    let maxFrameBytes = Setting(
        "max-frame-bytes", .whole(1_024...Limits.messageMemoryBytes), String(Limits.frameBytes),
        "The longest message of a caller, in bytes")
    let backlogPerCoupon = Setting(
        "backlog-per-coupon", .whole(1...1_000_000_000), String(Limits.backlogPerCoupon),
        "Accepted requests of one coupon that are not settled")
    let backlogPerPartition = Setting(
        "backlog-per-partition", .whole(1...1_000_000_000), String(Limits.backlogPerPartition),
        "The same for all coupons of a partition; bounds the memory of Redis")
    let maxBatch = Setting(
        "max-batch", .whole(1...50_000), String(Limits.requestsPerTransaction),
        "Requests in one issuing transaction")
    let issuingLanes = Setting(
        "issuing-lanes", .whole(1...Limits.maximumIssuingLanes), String(Limits.issuingLanes),
        "Sessions that issue, so that a partition with a long queue does not hold up others")
    let finishedRetention = Setting(
        "finished-retention", .duration(.seconds(1)...(.seconds(8_760 * 3_600))), "24h",
        "How long Redis keeps the holders of a finished coupon")
    let eventRetention = Setting(
        "event-retention", .duration(.seconds(60)...(.seconds(8_760 * 3_600))), "168h",
        "How long committed events are kept for services that follow them")
    let drainTimeout = Setting(
        "drain-timeout", .duration(.zero...(.seconds(60))), "10s",
        "How long a drain may take")
    let adminTokenFile = Setting(
        "admin-token-file", .optional("a path"), "",
        "A file whose first line is the admin token; without one, admin methods are served to "
            + "this machine only")
    let adminFromLoopback = Setting(
        "admin-from-loopback", .yesOrNo, "true",
        "Serve admin methods to this machine while there is neither an admin token nor a callers file"
    )
    let callersFile = Setting(
        "callers-file", .optional("a path"), "",
        "The file that says who may call, and what; without one, everybody may issue and read")
    let logLevel = Setting(
        "log-level", Form<Logger.Level>.choice, "info", "The lowest level that is logged")
    let logFormat = Setting(
        "log-format", Form<LogFormat>.choice, "auto",
        "JSON or text lines; auto is text on a terminal, else JSON")
    let slowRequest = Setting(
        "slow-request", .durationOrOff(.milliseconds(1)...(.seconds(60))), "off",
        "Requests that take so long or longer are logged, with the time that each stage took")
    let logSample = Setting(
        "log-sample", .wholeOrOff(1...1_000_000_000), "off",
        "One in so many issue requests that are accepted or issued is logged in the same way")
}
