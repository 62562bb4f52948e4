/// What a worker asks of its surroundings: to answer callers, and to fetch what only PostgreSQL knows.
public protocol WorkerHost: AnyObject {
    /// Answers a request.
    func answer(_ caller: Caller, _ outcome: Outcome)
    /// Ends a request with an error.
    func fail(_ caller: Caller, _ failure: Failure)
    /// Something waits: `Worker.pump` is to be called when this turn's input has been read.
    func schedulePump()
    /// These coupons as PostgreSQL has them; ends in `Worker.didLookUp`, and only then is asked again.
    func lookUp(_ coupons: [CouponID])
    /// What PostgreSQL knows of these users; ends in `Worker.didRecall`, and only then is asked again.
    func recall(_ users: [CouponUser])
    /// The gate does not hold the coupon; ends in `Worker.didLoad`.
    func load(_ coupon: CouponID)
    /// PostgreSQL's partitions are to be read now; ends in `Worker.apply(rows:)`.
    func refreshPartitions()
    /// What PostgreSQL says of these requests; ends in `Worker.didDecide`.
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

/// Settings of a worker.
public struct WorkerOptions: Sendable {
    /// How the coupons are spread.
    public var partitioning: Partitioning
    /// How many replicas must have what was accepted before that is told (rule 37); 0: none.
    public var replicas: Int
    /// Of the jitter.
    public var seed: UInt64
    /// Time; the wall clock serves only until the gate has told its own.
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
