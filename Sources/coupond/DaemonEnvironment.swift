/// The daemon around the server: connections to Redis and PostgreSQL, secrets, scheduler, systemd.
internal import CouponCore
internal import CouponPostgres
internal import CouponRedis
internal import CouponScheduler
internal import CouponServer
internal import Logging
internal import NIOCore
internal import Systemd

struct DaemonEnvironment: ServerEnvironment {
    let redis: RedisOptions
    let postgres: PostgresOptions
    let partitioning: Partitioning
    let replicas: Int
    let replicaTimeoutMilliseconds: Int64
    let secrets: Secrets
    let registry: MetricsRegistry
    let scheduler: SchedulerService
    let notifier: Notifier
    let logger: Logger

    func makeStore() -> any LaneStore {
        PostgresCouponStore(
            postgres, partitioning: partitioning, logger: Logger(label: "coupond.lane"))
    }

    func makeGates() -> any LaneGates {
        RedisGateControl(options: redis, logger: Logger(label: "coupond.lane"))
    }

    func makeEvents() -> any EventSource {
        RedisEventSource(options: redis, logger: Logger(label: "coupond.events"))
    }

    func makeGate(on loop: any EventLoop) -> any Gate {
        let gate = GateConnection(
            eventLoop: loop, options: redis, logger: Logger(label: "coupond.gate"))
        gate.start()
        return gate
    }

    func makeReplicas(on loop: any EventLoop) -> (any ReplicaLink)? {
        replicas == 0
            ? nil
            : ReplicaConnection(
                eventLoop: loop, options: redis, replicas: replicas,
                timeoutMilliseconds: replicaTimeoutMilliseconds,
                logger: Logger(label: "coupond.gate"))
    }

    var adminToken: [UInt8]? { secrets.adminToken }

    func reloadSettings() { secrets.reload() }

    func owns(_ partition: PartitionID) -> Bool { scheduler.owns(partition) }

    func countPostgresRollback() { scheduler.countPostgresRollback() }

    var metrics: String { registry.text }

    func listening(on address: String) {
        notify { () throws(NotifierError) in try notifier.ready("listening on \(address)") }
    }

    func draining() {
        notify { () throws(NotifierError) in try notifier.stopping("draining") }
    }

    func alive() { notify { () throws(NotifierError) in try notifier.alive() } }

    /// The daemon goes on if systemd does not read.
    private func notify(_ message: () throws(NotifierError) -> Void) {
        do { try message() } catch {
            logger.warning("systemd cannot be notified", metadata: [LogKey.error: "\(error)"])
        }
    }
}
