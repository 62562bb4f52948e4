/// What the server gets from the daemon around it: settings, and answers to its questions.
public import CouponAccess
public import CouponCore
public import NIOCore
public import Tracing

/// The server's settings: values only.
public struct ServerConfiguration: Sendable {
    /// A host and a TCP port; port 0 lets the system choose.
    public typealias HostAndPort = (host: String, port: Int)

    /// Where a listener is.
    public enum Place: Sendable {
        /// All addresses of the host.
        case tcp(host: String, port: Int)
        /// An absolute path.
        case unix(path: String)
        /// A socket that listened before the daemon started.
        /// - `socketPath`: of a unix socket; nil for TCP.
        case inherited(descriptor: Int32, socketPath: String?)
    }

    /// Who may connect to unix sockets.
    public struct UnixSocketAccess: Sendable {
        /// The permissions of their files.
        public let mode: UInt32
        /// The group of their files; nil for the daemon's own.
        public let group: UInt32?

        /// Permissions, and a group's number.
        public init(mode: UInt32, group: UInt32?) {
            self.mode = mode
            self.group = group
        }
    }

    /// Where callers connect.
    public var listen: [Place] = [.tcp(host: "127.0.0.1", port: 7070)]
    /// Where admin methods are served; nil if wherever callers connect.
    public var adminListen: Place?
    /// Whether callers on this machine are its admins while neither an admin token nor a callers file is
    /// configured.
    public var localCallersAreAdmins = true
    /// Whether that is so for callers by TCP. A proxy or a port forward comes from this machine too, so only
    /// while nothing listens beyond it.
    public var loopbackIsAdmin = true
    /// Who may connect to the unix sockets among these.
    public var unixSockets = UnixSocketAccess(mode: 0o660, group: nil)
    /// Whether other daemons may listen at the same ports.
    public var reusesPort = false
    /// From where connections come through proxies, which name the caller in a header.
    public var proxies: [AddressRange] = []
    /// TLS for callers by TCP; nil if they have none.
    public var tls: ServerTLS?
    /// Where HTTP for metrics and health is served; nil if nowhere.
    public var metricsListen: HostAndPort?
    /// Whether metrics over HTTP are for readers only, if a callers file is configured.
    public var observersNeedRole = false
    /// A socket that listens there already; nil if the daemon makes its own.
    public var metricsDescriptor: Int32?
    /// The limits of callers at the start.
    public var limits = CallerLimits()
    /// The longest frame that is read, in bytes.
    public var maximumFrameBytes = Limits.frameBytes
    /// How long a drain may take.
    public var drainMilliseconds: Int64 = 10_000
    /// How often the watchdog needs a sign of life; nil if there is no watchdog.
    public var watchdogPeriod: Duration?
    /// Gets a span of each request with a trace; nil if there are no spans.
    public var tracer: (any Tracer)?
    /// The daemon's version.
    public let version: String
    /// The settings of each worker.
    public let worker: WorkerOptions

    /// The other settings have defaults.
    public init(version: String, worker: WorkerOptions) {
        self.version = version
        self.worker = worker
    }
}

/// The settings that a reload changes while callers are served.
public struct ReloadedSettings: Sendable {
    /// The limits of callers.
    public let limits: CallerLimits
    /// Which requests are logged.
    public let reporting: RequestReporting
    /// What has changed.
    public let report: ReloadReport
    /// The principals that have changed; nil if none has.
    public var callers: CallersChange?

    /// Settings, as a reload has read them.
    public init(limits: CallerLimits, reporting: RequestReporting, report: ReloadReport) {
        self.limits = limits
        self.reporting = reporting
        self.report = report
    }
}

/// What the server asks of the daemon around it.
public protocol ServerEnvironment: Sendable {
    /// A lane's session with PostgreSQL; called on the lane's thread.
    func makeStore() -> any LaneStore
    /// A lane's connection to Redis; called on the lane's thread.
    /// - Parameter milliseconds: how long it waits for an answer; nil for as long as others.
    func makeGates(answeringWithin milliseconds: Int64?) -> any LaneGates
    /// The event subscription; called on its thread.
    func makeEvents() -> any EventSource
    /// A worker's connections to the gates; called on its event loop.
    func makeWorkerGates(on loop: any EventLoop) -> any GateSource

    /// The token of admin methods; nil if none is configured.
    var adminToken: [UInt8]? { get }
    /// Who may call, as the callers file says.
    var callers: Callers { get }
    /// Reads the settings again that a reload may change; may block.
    /// - Throws: what the caller of a reload gets; then no setting has changed.
    func reloadSettings() throws(Failure) -> ReloadedSettings
    /// How long committed events are kept.
    var eventRetentionMilliseconds: Int64 { get }
    /// Whether this daemon owns a partition now, and so audits its coupons.
    func owns(_ partition: PartitionID) -> Bool
    /// How many of them are in another issuing lane than the first.
    var partitionsLent: Int { get }
    /// The queues of the partitions that this daemon owns, and the rebuilds.
    var schedulerState: SchedulerState { get }
    /// Why a partition that this daemon owns waits; nil if none does.
    var whyPartitionsWait: String? { get }
    /// The rights that the daemon lacks, for people; nil if it has all.
    var missingRights: String? { get }
    /// Where Redis is; nil until it was read for the first time.
    var topology: Topology? { get }
    /// Why it could not be read the last time, for people; nil if it could.
    var topologyTrouble: String? { get }
    /// Counts a coupon for which PostgreSQL went back.
    func countPostgresRollback()
    /// Metrics that the server does not count itself, in Prometheus' text format; may block.
    var metrics: String { get }

    /// The daemon serves callers; called once.
    func listening(on address: String)
    /// The state of the daemon, in a line for people.
    func report(_ status: String)
    /// The daemon accepts no new callers.
    /// - Parameter milliseconds: how long answers to callers, and the last lines of the trail, may take.
    func draining(withinMilliseconds milliseconds: Int64)
    /// Every caller is answered, and the last lines of the trail are written or given up.
    func drained()
    /// The drain goes on; called each second, and at its end.
    func stillDraining(_ requests: Int)
    /// When the scheduler last looked at the time; nil while it does not run.
    var schedulerProgress: MonotonicTime? { get }
    /// Every event loop and thread gets on with its work; called once in each `watchdogPeriod`.
    func alive()
}
