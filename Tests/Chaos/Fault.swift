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
    /// There is no room for PostgreSQL's log.
    case logDiskFull
    /// The network between a daemon and its callers, Redis or PostgreSQL misbehaves.
    case network(Link, NetworkCondition.Kind)

    /// All faults.
    static let all: [Fault] =
        [
            .daemonKilled, .daemonStopped, .redisKilled, .redisStopped, .redisEmptied,
            .redisOlderLog, .redisForgetsScripts, .redisCutsClients, .redisFull, .backendKilled,
            .sessionsEnded, .postgresKilled, .postgresStopped, .couponLocked, .deadlocks,
            .serialization, .logDiskFull,
        ] + Failpoint.allCases.map { .daemonDiesAt($0) }
        + Link.allCases.flatMap { link in
            NetworkCondition.Kind.allCases.filter { $0 != .healthy }.map { .network(link, $0) }
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
            .redisCutsClients, .redisFull:
            .redis
        case .backendKilled, .sessionsEnded, .postgresKilled, .postgresStopped, .couponLocked,
            .deadlocks, .serialization, .logDiskFull:
            .postgres
        case .network: .network
        }
    }

    /// How long it lasts, in milliseconds. A stopped process is stopped for longer than every timeout:
    /// PostgreSQL ends a silent session after two seconds.
    var duration: ClosedRange<Int> {
        switch self {
        case .daemonStopped, .redisStopped, .postgresStopped: 3_000...4_500
        case .couponLocked: 4_000...10_000
        case .network(_, .silent), .network(_, .held), .network(_, .oneWay): 1_000...3_500
        case .redisOlderLog: 200...1_200
        case .logDiskFull: 2_000...3_500
        default: 300...1_500
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
        case .backendKilled: "backend-killed"
        case .sessionsEnded: "sessions-ended"
        case .postgresKilled: "postgres-killed"
        case .postgresStopped: "postgres-stopped"
        case .couponLocked: "coupon-locked"
        case .deadlocks: "deadlocks"
        case .serialization: "serialization"
        case .logDiskFull: "log-disk-full"
        case .network(let link, let kind): "\(link.rawValue)-\(kind.rawValue)"
        }
    }
}
