/// What a worker needs from its host: it answers callers and fetches what only PostgreSQL knows.
public protocol WorkerHost: AnyObject {
    /// Answers a request.
    func answer(_ caller: Caller, _ outcome: Outcome)
    /// Ends a request with an error.
    func fail(_ caller: Caller, _ failure: Failure)
    /// A request that `Worker.reporting` asks for has ended. Its caller is answered after this.
    func report(_ report: RequestReport)
    /// Calls `Worker.pump` after this turn's input has been read.
    func schedulePump()
    /// Reads coupons from PostgreSQL; ends in `Worker.didLookUp`. One call at a time.
    func lookUp(_ coupons: [CouponID])
    /// Reads what PostgreSQL knows of users; ends in `Worker.didRecall`. One call at a time.
    func recall(_ users: [CouponUser])
    /// Loads a coupon into the gate; ends in `Worker.didLoad`, once the gate takes requests for it.
    func load(_ coupon: CouponID)
    /// Reads PostgreSQL's partitions now; ends in `Worker.apply(rows:)`.
    func refreshPartitions()
    /// Reads what PostgreSQL knows of requests; ends in `Worker.didDecide`.
    func decide(_ questions: [AcceptedRequest], in partition: PartitionID)
}

/// How a load ended.
public enum LoadOutcome: Equatable, Sendable {
    /// The gate holds the coupon.
    case loaded
    /// There is no such coupon.
    case absent
    /// It could not be loaded now.
    case failed(Failure)
}

extension WorkerHost {
    /// A host that reports nothing.
    public func report(_ report: RequestReport) {}
}

/// Settings of a worker.
public struct WorkerOptions: Sendable {
    /// How the coupons are spread.
    public var partitioning: Partitioning
    /// How many replicas must have an accepted request before the caller is answered (rule 37); 0: none.
    public var replicas: Int
    /// For the jitter.
    public var seed: UInt64
    /// Which requests are reported, until a reload changes it.
    public var reporting = RequestReporting()
    /// Time; the wall clock is used only until the gate has sent its own.
    public var clocks: Clocks
    /// Called at each named place; tests kill the daemon there.
    public var failpoint: @Sendable (Failpoint) -> Void

    /// Settings with their defaults.
    public init(
        partitioning: Partitioning, replicas: Int = 0, seed: UInt64 = .random(in: 0...(.max)),
        clocks: Clocks, failpoint: @escaping @Sendable (Failpoint) -> Void = { _ in }
    ) {
        self.partitioning = partitioning
        self.replicas = replicas
        self.seed = seed
        self.clocks = clocks
        self.failpoint = failpoint
    }
}
