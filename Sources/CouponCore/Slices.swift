/// How much one slice of long work moves: so little that whoever waits for its end can wait for it. A
/// simulator plays with tiny ones.
public struct Slices: Sendable {
    /// Holders that a load reads and stages.
    public var holders = Limits.holdersPerPage
    /// Requests in the queue entries that a rebuild reads or counts.
    public var requests = Limits.requestsPerSlice
    /// Coupons that a rebuild loads together, or that are unlinked or looked at.
    public var coupons = Limits.couponsPerSlice

    /// As `Limits` says.
    public init() {}
}
