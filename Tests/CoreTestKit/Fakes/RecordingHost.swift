/// A worker's host that records what it is asked.
public import CouponCore

/// Records every answer and every question.
public final class RecordingHost: WorkerHost {
    /// How one request ended.
    public enum End: Equatable {
        /// With an outcome.
        case outcome(Outcome)
        /// With an error.
        case failure(Failure)
    }

    /// What each caller was answered, in order; more than one answer is a fault.
    public private(set) var ends: [UInt64: [End]] = [:]
    /// Whether a pump is wanted.
    public var isPumpScheduled = false
    /// The lookups asked for, oldest first.
    public var lookups: [[CouponID]] = []
    /// The users that PostgreSQL was asked about, oldest first.
    public var recalls: [[CouponUser]] = []
    /// The loads asked for.
    public var loads: [CouponID] = []
    /// What happens at once when a load is asked for.
    public var whenLoading: (CouponID) -> Void = { _ in }
    /// How often the partitions were asked for.
    public var refreshes = 0
    /// The questions for PostgreSQL, oldest first.
    public var questions: [(acceptedRequests: [AcceptedRequest], partition: PartitionID)] = []

    /// The requests that were reported, oldest first.
    public private(set) var slow: [RequestReport] = []

    /// A host that was asked nothing.
    public init() {}

    /// Records an outcome.
    public func answer(_ caller: Caller, _ outcome: Outcome) {
        ends[caller.request, default: []].append(.outcome(outcome))
    }

    /// Records a report.
    public func report(_ report: RequestReport) { slow.append(report) }

    /// Records an error.
    public func fail(_ caller: Caller, _ failure: Failure) {
        ends[caller.request, default: []].append(.failure(failure))
    }

    /// Records that a pump is wanted.
    public func schedulePump() { isPumpScheduled = true }

    /// Records a lookup.
    public func lookUp(_ coupons: [CouponID]) { lookups.append(coupons) }

    /// Records users that PostgreSQL is asked about.
    public func recall(_ users: [CouponUser]) { recalls.append(users) }

    /// Records a load.
    public func load(_ coupon: CouponID) {
        loads.append(coupon)
        whenLoading(coupon)
    }

    /// Counts.
    public func refreshPartitions() { refreshes += 1 }

    /// Records questions.
    public func decide(_ questions: [AcceptedRequest], in partition: PartitionID) {
        self.questions.append((questions, partition))
    }
}
