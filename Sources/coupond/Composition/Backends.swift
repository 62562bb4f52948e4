/// Redis and PostgreSQL, as all parts of the daemon use them.
internal import CouponCore
internal import CouponPostgres
internal import CouponRedis
internal import CouponScheduler
internal import CouponServer
internal import Logging
internal import NIOCore

/// How both are reached: known before PostgreSQL has said how many partitions there are.
struct BackendOptions: Sendable {
    let redis: RedisOptions
    let postgres: PostgresOptions
    /// What both refused to do.
    let refusals: RefusalCounts
    let losses: LostSessions

    init(_ configuration: Configuration, _ access: RedisAccess) {
        let (refusals, losses) = (RefusalCounts(), LostSessions())
        redis = RedisOptions(
            configuration, access, countRefusal: { refusals.count(.redis, $0) },
            countLoss: { losses.count(.redis) }, logger: Logger(label: "coupond.topology"))
        postgres = PostgresOptions(
            configuration, countRefusal: { refusals.count(.postgres, $0) },
            countLoss: { losses.count(.postgres) })
        self.refusals = refusals
        self.losses = losses
    }
}

/// Makes the sessions and connections of all threads and event loops.
struct Backends: Sendable {
    private let options: BackendOptions
    private let partitioning: Partitioning
    private let replicas: Int
    private let replicaTimeoutMilliseconds: Int64
    private let rights: MissingRights

    init(
        _ options: BackendOptions, _ configuration: Configuration, _ partitioning: Partitioning,
        _ logger: Logger
    ) {
        self.options = options
        self.partitioning = partitioning
        replicas = configuration.redisWaitReplicas
        replicaTimeoutMilliseconds = configuration.redisWaitTimeout.wholeMilliseconds
        rights = MissingRights(logger)
    }

    func makeScheduler(_ configuration: Configuration) -> IssuingLanes {
        let logger = Logger(label: "coupond.scheduler")
        let redis = options.redis
        var postgres = options.postgres
        // One thread serves many partitions, so a locked coupon must not hold up the others for longer.
        postgres.lockTimeoutMilliseconds = 250
        postgres.reportMissingRights = { [rights] in rights.report($0) }
        return IssuingLanes(
            configuration.issuingLanes,
            ledger: { [postgres] in PostgresLedger(postgres, logger: logger) },
            gates: { RedisGateControl(options: redis, logger: logger, whileWaiting: $0) },
            options: SchedulerOptions(
                partitioning: partitioning, requestsPerTransaction: configuration.maxBatch,
                clocks: .system, failpoint: failpoint()),
            logger: logger)
    }

    func makeStore() -> any LaneStore {
        PostgresCouponStore(
            options.postgres, partitioning: partitioning, logger: Logger(label: "coupond.lane"))
    }

    func makeGates(answeringWithin milliseconds: Int64?) -> any LaneGates {
        var redis = options.redis
        if let milliseconds {
            redis.connectTimeoutMilliseconds = milliseconds
            redis.commandTimeoutMilliseconds = milliseconds
        }
        return RedisGateControl(options: redis, logger: Logger(label: "coupond.lane"))
    }

    func makeEvents() -> any EventSource {
        let (redis, logger) = (options.redis, Logger(label: "coupond.events"))
        return redis.isCluster
            ? ClusterEventSource(options: redis, partitioning: partitioning, logger: logger)
            : RedisEventSource(options: redis, logger: logger)
    }

    func makeWorkerGates(on loop: any EventLoop) -> NodeGates {
        NodeGates(
            eventLoop: loop, options: options.redis, partitioning: partitioning,
            replicas: replicas, replicaTimeoutMilliseconds: replicaTimeoutMilliseconds,
            logger: Logger(label: "coupond.gate"))
    }

    /// Nil until it was read for the first time.
    var topology: Topology? {
        switch options.redis.place {
        case .address(let address): Topology(single: address)
        case .node(_, let source): source.current
        }
    }

    /// Why it could not be read the last time, for people; nil if it could.
    var topologyTrouble: String? { options.redis.topology?.failure.map { "\($0)" } }

    /// The rights that the daemon lacks, for people; nil if it has all.
    var missingRights: String? { rights.text }

    /// In Prometheus' text format.
    var metrics: String {
        let topology = options.redis.topology.map {
            TopologyMetrics(source: $0, partitioning: partitioning).text
        }
        return options.refusals.text + options.losses.text + (topology ?? "")
    }
}
