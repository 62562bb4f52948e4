/// A worker's host that writes down what it is asked.
public import CouponCore

/// Keeps every answer and every errand.
public final class RecordingHost: WorkerHost {
    /// How one request ended.
    public enum End: Equatable {
        /// With an outcome.
        case outcome(Outcome)
        /// With an error.
        case failure(Failure)
    }

    /// What each caller was told, in order; more than one is a fault.
    public private(set) var ends: [UInt64: [End]] = [:]
    /// Whether a pump is wanted.
    public var isPumpScheduled = false
    /// The lookups asked for, oldest first.
    public var lookups: [[CouponID]] = []
    /// The users of whom PostgreSQL was asked, oldest first.
    public var recalls: [[CouponUser]] = []
    /// The loads asked for.
    public var loads: [CouponID] = []
    /// How often the partitions were asked for.
    public var refreshes = 0
    /// The questions for PostgreSQL, oldest first.
    public var questions: [(acceptedRequests: [AcceptedRequest], partition: PartitionID)] = []

    /// A host that has heard nothing yet.
    public init() {}

    /// Notes an outcome.
    public func answer(_ caller: Caller, _ outcome: Outcome) {
        ends[caller.request, default: []].append(.outcome(outcome))
    }

    /// Notes an error.
    public func fail(_ caller: Caller, _ failure: Failure) {
        ends[caller.request, default: []].append(.failure(failure))
    }

    /// Notes that a pump is wanted.
    public func schedulePump() { isPumpScheduled = true }

    /// Notes a lookup.
    public func lookUp(_ coupons: [CouponID]) { lookups.append(coupons) }

    /// Notes users of whom PostgreSQL is asked.
    public func recall(_ users: [CouponUser]) { recalls.append(users) }

    /// Notes a load.
    public func load(_ coupon: CouponID) { loads.append(coupon) }

    /// Counts.
    public func refreshPartitions() { refreshes += 1 }

    /// Notes questions.
    public func decide(_ questions: [AcceptedRequest], in partition: PartitionID) {
        self.questions.append((questions, partition))
    }
}
