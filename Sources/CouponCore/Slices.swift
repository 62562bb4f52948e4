/// How much one slice of long work does: so little that other work can wait for its end. The simulator uses
/// tiny ones.
public struct Slices: Sendable {
    /// Holders that a rebuild reads and stages, or that coupons which are loaded together have in all.
    public var holders = Limits.holdersPerPage
    /// Holders that the load of a large coupon reads and stages while its gate is open.
    public var holdersOfLoad = Limits.holdersPerCommand
    /// A coupon with so many issues takes requests before its load has ended (rule 53).
    public var issuesLoadedLater = Limits.issuesLoadedLater
    /// Requests in the queue entries that a rebuild reads or counts.
    public var requests = Limits.requestsPerSlice
    /// Entries that a rebuild copies of a queue that it replaces.
    public var entries = Limits.entriesPerMove
    /// Coupons that a rebuild loads together, or that a sweep or an unload handles in one step.
    public var coupons = Limits.couponsPerSlice
    /// Coupons that a rebuild loads together, or that a transaction issues, while other partitions keep up.
    public var couponsBesideOthers = Limits.couponsBesideOthers

    /// As `Limits` says.
    public init() {}
}
