/// The settings that the server gets from the daemon around it.
public import CouponAccess
public import CouponCore
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
    /// Whether that is so for callers by TCP: only while nothing listens beyond this machine, because callers
    /// through a proxy or a port forward come from this machine too.
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
