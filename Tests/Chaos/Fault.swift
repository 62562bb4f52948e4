/// The faults, and how long each lasts.
internal import CouponCore

/// One way to break something.
enum Fault: Hashable, Sendable {
    /// A daemon is killed at a random moment.
    case daemonKilled
    /// A daemon kills itself at a failpoint.
    case daemonDiesAt(Failpoint)
    /// A daemon is stopped for longer than every timeout.
    case daemonStopped
    case redisKilled
    case redisStopped
    /// Everything in Redis is gone.
    case redisEmptied
    /// Redis is killed, and starts again on a copy of its log that was taken before.
    case redisOlderLog
    case redisForgetsScripts
    /// Redis cuts every connection, again and again.
    case redisCutsClients
    /// Redis has no memory left.
    case redisFull
    /// Redis no longer writes what it accepts to the disk before it answers.
    case redisUnsafe
    /// One backend is killed: PostgreSQL ends all sessions and recovers.
    case backendKilled
    /// All sessions are ended, again and again.
    case sessionsEnded
    case postgresKilled
    case postgresStopped
    /// Another session locks a coupon's row.
    case couponLocked
    /// Most inserts fail with a deadlock error.
    case deadlocks
    /// Some commits fail with a serialization error.
    case serialization
    /// The synchronous standby is away: commits wait until it is back.
    case standbyAway
    /// There is no room for PostgreSQL's log.
    case logDiskFull
    /// The network between a daemon and its callers, Redis or PostgreSQL misbehaves.
    case network(Link, NetworkCondition.Kind)
    /// The master of a coupon is hit, or the slots of a cluster move.
    case cluster(ClusterFault)
    /// The network between a daemon and one master of a cluster misbehaves.
    case clusterNode(NetworkCondition.Kind)

    /// The master that Sentinel watches is hit.
    case sentinel(SentinelFault)

    /// All faults of a system with one Redis.
    static let all: [Fault] =
        [
            .daemonKilled, .daemonStopped, .redisKilled, .redisStopped, .redisEmptied,
            .redisOlderLog, .redisForgetsScripts, .redisCutsClients, .redisFull, .redisUnsafe,
            .backendKilled, .sessionsEnded, .postgresKilled, .postgresStopped, .couponLocked,
            .deadlocks, .serialization, .standbyAway, .logDiskFull,
        ] + Failpoint.allCases.map { .daemonDiesAt($0) }
        + Link.allCases.flatMap { link in
            NetworkCondition.Kind.allCases.filter { $0 != .healthy }.map { .network(link, $0) }
        }

    /// The faults that only a cluster has.
    static let ofCluster: [Fault] =
        ClusterFault.allCases.map { .cluster($0) }
        + NetworkCondition.Kind.allCases.filter { $0 != .healthy }.map { .clusterNode($0) }

    /// All faults of a system with a cluster.
    static let allInCluster: [Fault] =
        ofCluster + all.filter { $0.target != .redis && !$0.isOfRedisLink }

    /// The faults that only a Redis with sentinels has, and all faults of a system with one.
    static let ofSentinels: [Fault] = SentinelFault.allCases.map { .sentinel($0) }
    static let allWithSentinels: [Fault] =
        ofSentinels + all.filter { $0.target != .redis && !$0.isOfRedisLink }

    private var isOfRedisLink: Bool {
        if case .network(.redis, _) = self { true } else { false }
    }

    /// What a fault hits. Two faults of one round hit different targets.
    enum Target {
        case daemon
        case redis
        case postgres
        case network
    }

    /// What it hits.
    var target: Target {
        switch self {
        case .daemonKilled, .daemonDiesAt, .daemonStopped: .daemon
        case .redisKilled, .redisStopped, .redisEmptied, .redisOlderLog, .redisForgetsScripts,
            .redisCutsClients, .redisFull, .redisUnsafe, .cluster, .clusterNode, .sentinel:
            .redis
        case .backendKilled, .sessionsEnded, .postgresKilled, .postgresStopped, .couponLocked,
            .deadlocks, .serialization, .standbyAway, .logDiskFull:
            .postgres
        case .network: .network
        }
    }

    /// How long it lasts, in milliseconds. A stopped process is stopped for longer than every timeout:
    /// PostgreSQL ends a silent session after two seconds.
    var duration: ClosedRange<Int> {
        switch self {
        case .daemonStopped, .redisStopped, .postgresStopped: 3_000...4_500
        case .standbyAway: 2_000...6_000
        case .couponLocked: 4_000...10_000
        case .network(_, .silent), .network(_, .held), .network(_, .oneWay), .clusterNode:
            1_000...3_500
        case .cluster(let fault): fault.duration
        case .sentinel(let fault): fault.duration
        case .redisOlderLog: 200...1_200
        case .logDiskFull: 2_000...3_500
        default: 300...1_500
        }
    }
}

/// What happens to the master of one coupon in a cluster.
enum ClusterFault: String, CaseIterable, Sendable {
    /// It is killed for longer than the others wait, so its replica takes over.
    case masterKilled = "master-killed"
    /// It is killed and starts again at once.
    case masterRestarted = "master-restarted"
    /// It is stopped until its replica has taken over, and goes on as if nothing had happened.
    case masterStopped = "master-stopped"
    /// The other nodes do not reach it, and the daemons do: it goes on until it notices.
    case masterIsolated = "master-isolated"
    /// Its replica takes over by order, and later it takes over again.
    case failover
    /// Everything in it is gone.
    case nodeEmptied = "node-emptied"
    /// The coupon's hash slot moves to another master; for a while half of its keys are at each.
    case slotMigrated = "slot-migrated"
    /// Another master takes the coupon's hash slot, without the keys.
    case slotStolen = "slot-stolen"

    fileprivate var duration: ClosedRange<Int> {
        switch self {
        case .masterKilled, .masterStopped, .masterIsolated: 2_500...4_500
        case .masterRestarted: 50...300
        case .failover, .slotMigrated: 500...2_000
        case .nodeEmptied, .slotStolen: 300...1_500
        }
    }
}

/// What happens to the master that Sentinel watches.
enum SentinelFault: String, CaseIterable, Sendable {
    /// It is killed for longer than the sentinels wait, so a replica takes over.
    case masterKilled = "master-killed"
    /// It is stopped until a replica has taken over, and goes on as if nothing had happened.
    case masterStopped = "master-stopped"
    /// Neither sentinels nor replicas reach it, but the daemons do: it goes on until it is deposed.
    case masterIsolated = "master-isolated"
    /// A replica takes over by order.
    case failover

    fileprivate var duration: ClosedRange<Int> {
        switch self {
        case .masterKilled, .masterStopped, .masterIsolated: 3_000...6_000
        case .failover: 500...2_000
        }
    }
}

/// Who is on the other side of a daemon's proxy.
enum Link: String, CaseIterable, Sendable {
    case client
    case redis
    case postgres
}

extension Fault: CustomStringConvertible {
    /// Its name in the line of a round.
    var description: String {
        switch self {
        case .daemonKilled: "daemon-killed"
        case .daemonDiesAt(let failpoint): "daemon-dies-at-\(failpoint.rawValue)"
        case .daemonStopped: "daemon-stopped"
        case .redisKilled: "redis-killed"
        case .redisStopped: "redis-stopped"
        case .redisEmptied: "redis-emptied"
        case .redisOlderLog: "redis-older-log"
        case .redisForgetsScripts: "redis-forgets-scripts"
        case .redisCutsClients: "redis-cuts-clients"
        case .redisFull: "redis-full"
        case .redisUnsafe: "redis-unsafe"
        case .backendKilled: "backend-killed"
        case .sessionsEnded: "sessions-ended"
        case .postgresKilled: "postgres-killed"
        case .postgresStopped: "postgres-stopped"
        case .couponLocked: "coupon-locked"
        case .deadlocks: "deadlocks"
        case .serialization: "serialization"
        case .standbyAway: "standby-away"
        case .logDiskFull: "log-disk-full"
        case .network(let link, let kind): "\(link.rawValue)-\(kind.rawValue)"
        case .cluster(let fault): "cluster-\(fault.rawValue)"
        case .clusterNode(let kind): "cluster-node-\(kind.rawValue)"
        case .sentinel(let fault): "sentinel-\(fault.rawValue)"
        }
    }
}
