/// The schedulers of a daemon: the first owns its share of the partitions, and lends the others what would
/// hold up the rest (rule 49).
public import CouponCore
public import Logging
public import ServiceLifecycle

/// All issuing lanes as one service.
public struct IssuingLanes: Service {
    /// Makes a lane's connection to Redis. The connection calls `whileWaiting` twice a second while
    /// Redis does not answer.
    public typealias MakeGates =
        @Sendable (_ whileWaiting: @escaping () throws(BackendError) -> Void) -> any GateControl

    private let lanes: [SchedulerService]

    /// - Parameters:
    ///   - count: how many lanes; at least one.
    ///   - ledger: makes a lane's session with PostgreSQL; called on the lane's thread.
    ///   - gates: makes its connection to Redis; called on the lane's thread.
    public init(
        _ count: Int, ledger: @escaping @Sendable () -> any Ledger,
        gates: @escaping MakeGates, options: SchedulerOptions, logger: Logger
    ) {
        let (lending, instruments) = (Lending(lanes: count), Instruments())
        lanes = (0..<count).map { lane in
            var (options, logger) = (options, logger)
            (options.lane, options.lending) = (lane, lending)
            if lane > 0 { logger[metadataKey: LogKey.lane] = "\(lane)" }
            return SchedulerService(
                ledger: ledger, gates: gates, options: options, logger: logger,
                instruments: instruments)
        }
    }

    /// Whether this daemon owns a partition, as of a moment ago.
    public func owns(_ partition: PartitionID) -> Bool { lanes.contains { $0.owns(partition) } }

    /// How many partitions are in lanes other than the first.
    public var partitionsLent: Int { lanes.dropFirst().reduce(0) { $0 + $1.partitionsOwned } }

    /// Why a partition that this daemon owns waits, as of a moment ago; nil if none does.
    public var whyPartitionsWait: String? { lanes.lazy.compactMap(\.whyPartitionsWait).first }

    /// The queues of owned partitions and the rebuilds, as of a moment ago.
    public var state: SchedulerState {
        lanes.reduce(into: SchedulerState()) { all, lane in
            let state = lane.state
            all.queues.merge(state.queues) { $1 }
            all.rebuilds.merge(state.rebuilds) { $1 }
        }
    }

    /// When the lane that is furthest behind last looked at the time; nil while none runs.
    public var progress: MonotonicTime? { lanes.compactMap(\.progress).min() }

    /// Counts a coupon for which PostgreSQL went back.
    public func countPostgresRollback() { lanes[0].countPostgresRollback() }

    /// Drains queues until graceful shutdown or cancellation, then gives the partitions up.
    public func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in lanes { group.addTask { try await lane.run() } }
            try await group.waitForAll()
        }
    }
}
