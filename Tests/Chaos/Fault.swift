/// What can be done to the system, and what it may cost.
internal import CouponCore

/// One way to break something.
enum Fault: Hashable, Sendable {
    /// A daemon is killed at a random moment.
    case daemonKilled
    /// A daemon kills itself at one place.
    case daemonDiesAt(Failpoint)
    /// A daemon stands still for longer than every timeout.
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
    /// Redis has no memory left for what must not fail.
    case redisFull
    /// One backend is killed: PostgreSQL ends all sessions and recovers.
    case backendKilled
    /// All sessions are ended, again and again.
    case sessionsEnded
    case postgresKilled
    case postgresStopped
    /// Somebody holds a coupon's row.
    case couponLocked
    /// Most inserts fail as if in a deadlock.
    case deadlocks
    /// Most commits fail as if they could not be serialized.
    case serialization
    /// There is no room for PostgreSQL's log.
    case logDiskFull
    /// A network of its own kind between a daemon and somebody else.
    case network(Link, Weather.Kind)

    /// Everything there is.
    static let all: [Fault] =
        [
            .daemonKilled, .daemonStopped, .redisKilled, .redisStopped, .redisEmptied,
            .redisOlderLog, .redisForgetsScripts, .redisCutsClients, .redisFull, .backendKilled,
            .sessionsEnded, .postgresKilled, .postgresStopped, .couponLocked, .deadlocks,
            .serialization, .logDiskFull,
        ] + Failpoint.allCases.map { .daemonDiesAt($0) }
        + Link.allCases.flatMap { link in
            Weather.Kind.allCases.filter { $0 != .clear }.map { .network(link, $0) }
        }

    /// Whom it hits: of two faults of a round each hits another.
    enum Target {
        case daemon
        case redis
        case postgres
        case network
    }

    /// Whom it hits.
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

    /// How long it lasts, in milliseconds. What stands still does so for longer than every timeout: a
    /// silent session is ended after two seconds.
    var duration: ClosedRange<Int> {
        switch self {
        case .daemonStopped, .redisStopped, .postgresStopped: 3_000...4_500
        case .couponLocked: 4_000...10_000
        case .network(_, .silent), .network(_, .held), .network(_, .deaf): 1_000...3_500
        case .redisOlderLog: 200...1_200
        case .logDiskFull: 2_000...3_500
        default: 300...1_500
        }
    }
}

/// Between whom a proxy stands.
enum Link: String, CaseIterable, Sendable {
    case client
    case redis
    case postgres
}

extension Fault: CustomStringConvertible {
    /// As the line of a round names it.
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
