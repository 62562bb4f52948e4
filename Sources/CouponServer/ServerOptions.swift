public import CouponCore
public import NIOCore

/// Settings of the server, and how it reaches what it needs.
public struct ServerOptions: Sendable {
    /// Host to listen on.
    public var host: String
    /// Port to listen on; 0 takes a free one.
    public var port: Int
    /// Connections at once, over all event loops.
    public var maximumConnections: Int
    /// The longest frame read, in bytes.
    public var maximumFrameBytes: Int
    /// Where HTTP for metrics and health listens; nil: nowhere.
    public var observation: (host: String, port: Int)?
    /// Metrics beside the server's own, in Prometheus' text format.
    public var moreMetrics: @Sendable () -> String
    /// How long a drain may take, in milliseconds.
    public var drainMilliseconds: Int64
    /// What admin methods must carry now; nil: they are served to loopback peers only.
    public var adminToken: @Sendable () -> [UInt8]?
    /// Reads anew what a reload may change; may block.
    public var reloadSettings: @Sendable () -> Void
    /// Told by ServerInfo.
    public var version: String
    /// Whether this daemon owns a partition now, and so looks after its accounts.
    public var owns: @Sendable (PartitionID) -> Bool
    /// Of each worker.
    public var worker: WorkerOptions
    /// Makes a worker's way to the gate; called on its event loop.
    public var makeGate: @Sendable (any EventLoop) -> any Gate
    /// Makes a worker's way to ask for replicas; called on its event loop, nil where none are waited for.
    public var makeReplicas: @Sendable (any EventLoop) -> (any ReplicaLink)?
    /// Called once when the daemon listens, with the address.
    public var onListening: @Sendable (SocketAddress) -> Void
    /// Called when a drain begins.
    public var onDraining: @Sendable () -> Void
    /// Called that often while every event loop answers; nil: nobody watches.
    public var watchdog: (period: Duration, alive: @Sendable () -> Void)?

    /// Settings with their defaults.
    public init(
        host: String = "127.0.0.1", port: Int = 7070,
        maximumConnections: Int = Limits.connections, maximumFrameBytes: Int = Limits.frameBytes,
        observation: (host: String, port: Int)? = nil,
        moreMetrics: @escaping @Sendable () -> String = { "" },
        drainMilliseconds: Int64 = 10_000, adminToken: @escaping @Sendable () -> [UInt8]? = { nil },
        reloadSettings: @escaping @Sendable () -> Void = {},
        version: String, owns: @escaping @Sendable (PartitionID) -> Bool = { _ in false },
        worker: WorkerOptions, makeGate: @escaping @Sendable (any EventLoop) -> any Gate,
        makeReplicas: @escaping @Sendable (any EventLoop) -> (any ReplicaLink)? = { _ in nil },
        onListening: @escaping @Sendable (SocketAddress) -> Void = { _ in },
        onDraining: @escaping @Sendable () -> Void = {},
        watchdog: (period: Duration, alive: @Sendable () -> Void)? = nil
    ) {
        self.host = host
        self.port = port
        self.maximumConnections = maximumConnections
        self.maximumFrameBytes = maximumFrameBytes
        self.observation = observation
        self.moreMetrics = moreMetrics
        self.drainMilliseconds = drainMilliseconds
        self.adminToken = adminToken
        self.reloadSettings = reloadSettings
        self.version = version
        self.owns = owns
        self.worker = worker
        self.makeGate = makeGate
        self.makeReplicas = makeReplicas
        self.onListening = onListening
        self.onDraining = onDraining
        self.watchdog = watchdog
    }
}
