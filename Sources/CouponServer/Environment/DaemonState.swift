/// What the server reads of the daemon around it.
public import CouponAccess
public import CouponCore

/// The settings that a reload changes, and how scheduler, Redis and PostgreSQL stand.
public protocol DaemonState: Sendable {
    /// The token of admin methods; nil if none is configured.
    var adminToken: [UInt8]? { get }
    /// Who may call, as the callers file says.
    var callers: Callers { get }
    /// Reads again the settings that a reload may change; may block.
    /// - Throws: what the caller of a reload gets; then no setting has changed.
    func reloadSettings() throws(Failure) -> ReloadedSettings
    /// How long committed events are kept.
    var eventRetentionMilliseconds: Int64 { get }

    /// Whether this daemon owns a partition now, and so audits its coupons.
    func owns(_ partition: PartitionID) -> Bool
    /// How many of this daemon's partitions are in an issuing lane other than the first.
    var partitionsLent: Int { get }
    /// The queues of the partitions that this daemon owns, and the rebuilds.
    var schedulerState: SchedulerState { get }
    /// When the scheduler last looked at the time; nil while it does not run.
    var schedulerProgress: MonotonicTime? { get }
    /// Why a partition that this daemon owns waits; nil if none does.
    var whyPartitionsWait: String? { get }
    /// Counts a coupon for which PostgreSQL went back.
    func countPostgresRollback()

    /// The rights that the daemon lacks, for people; nil if it has all.
    var missingRights: String? { get }
    /// Where Redis is; nil until it was read for the first time.
    var topology: Topology? { get }
    /// Why it could not be read the last time, for people; nil if it could.
    var topologyTrouble: String? { get }
    /// Metrics that the server does not count itself, in Prometheus' text format; may block.
    var metrics: String { get }
}
