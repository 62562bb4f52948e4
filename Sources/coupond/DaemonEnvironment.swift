/// The daemon around the server: Redis and PostgreSQL, what a reload changes, the scheduler, systemd.
internal import CouponAccess
internal import CouponCore
internal import CouponRedis
internal import CouponScheduler
internal import CouponServer
internal import NIOCore
internal import Synchronization

final class DaemonEnvironment: ServerEnvironment {
    let eventRetentionMilliseconds: Int64
    private let backends: Backends
    private let reloadable: Reloadable
    private let systemd: SystemdLink
    private let scheduler: IssuingLanes
    private let registry: MetricsRegistry
    private let startedAt = Clocks.system.wallNow()
    /// The workers' connections to the gates.
    private let gates = Mutex<[NIOLoopBound<NodeGates>]>([])

    init(
        _ configuration: Configuration, _ backends: Backends, _ reloadable: Reloadable,
        _ systemd: SystemdLink, _ scheduler: IssuingLanes, _ registry: MetricsRegistry
    ) {
        eventRetentionMilliseconds = configuration.eventRetention.wholeMilliseconds
        self.backends = backends
        self.reloadable = reloadable
        self.systemd = systemd
        self.scheduler = scheduler
        self.registry = registry
    }

    // MARK: Backends

    func makeStore() -> any LaneStore { backends.makeStore() }
    func makeGates(answeringWithin milliseconds: Int64?) -> any LaneGates {
        backends.makeGates(answeringWithin: milliseconds)
    }
    func makeEvents() -> any EventSource { backends.makeEvents() }

    func makeWorkerGates(on loop: any EventLoop) -> any GateSource {
        let source = backends.makeWorkerGates(on: loop)
        gates.withLock { $0.append(NIOLoopBound(source, eventLoop: loop)) }
        return source
    }

    // MARK: Settings

    var adminToken: [UInt8]? { reloadable.secrets.adminToken }
    var callers: Callers { reloadable.secrets.callers }

    func reloadSettings() throws(Failure) -> ReloadedSettings {
        try systemd.reload { () throws(Failure) in
            try reloadable.reload { useBacklogs(of: $0) }
        }
    }

    private func useBacklogs(of configuration: Configuration) {
        for gate in gates.withLock({ $0 }) {
            gate.eventLoop.execute {
                gate.value.use(
                    backlogPerCoupon: Int64(configuration.backlogPerCoupon),
                    backlogPerPartition: Int64(configuration.backlogPerPartition))
            }
        }
    }

    // MARK: State

    func owns(_ partition: PartitionID) -> Bool { scheduler.owns(partition) }

    var partitionsLent: Int { scheduler.partitionsLent }
    var schedulerState: SchedulerState { scheduler.state }
    var schedulerProgress: MonotonicTime? { scheduler.progress }
    var whyPartitionsWait: String? { scheduler.whyPartitionsWait }
    var missingRights: String? { backends.missingRights }
    var topology: Topology? { backends.topology }
    var topologyTrouble: String? { backends.topologyTrouble }
    var metrics: String {
        registry.text + backends.metrics + ProcessMetrics.text(startedAt: startedAt)
    }

    func countPostgresRollback() { scheduler.countPostgresRollback() }

    // MARK: Events

    func listening(on address: String) { systemd.listening(on: address) }
    func report(_ status: String) { systemd.report(status) }
    func draining(withinMilliseconds milliseconds: Int64) {
        systemd.draining(withinMilliseconds: milliseconds)
    }
    func drained() { systemd.drained() }
    func stillDraining(_ requests: Int) { systemd.stillDraining(requests) }
    func alive() { systemd.alive() }
}
