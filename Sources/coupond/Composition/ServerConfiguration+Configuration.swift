/// What the settings say about callers: listeners, limits, drain, spans.
internal import CouponCore
internal import CouponServer
internal import CouponTracing
internal import Systemd
internal import Tracing

extension ServerConfiguration {
    init(
        _ configuration: Configuration, _ partitioning: Partitioning, maximumConnections: Int,
        tls: ServerTLS?
    ) {
        self.init(
            version: Coupond.version,
            worker: WorkerOptions(configuration, partitioning, stoppingAt: failpoint()))
        let (settings, inherited) = (
            Settings.table, InheritedListeners(environment: environment())
        )
        listen =
            inherited.places(of: settings.listen) ?? configuration.listen.map(\.place)
        adminListen =
            inherited.places(of: settings.adminListen)?.first ?? configuration.adminListen?.place
        loopbackIsAdmin = configuration.callerEndpoints.allSatisfy(\.isLocal)
        unixSockets = UnixSocketAccess(
            mode: configuration.unixSocketMode,
            group: configuration.unixSocketGroup.flatMap(Configuration.groupID))
        reusesPort = configuration.reusePort
        proxies = configuration.proxies
        self.tls = tls
        metricsListen = configuration.metricsListen?.tcp
        observersNeedRole = configuration.metricsListen.map { !$0.isLocal } ?? false
        metricsDescriptor = inherited[settings.metricsListen].first?.descriptor
        localCallersAreAdmins = configuration.adminFromLoopback
        limits = CallerLimits(configuration, connections: maximumConnections)
        maximumFrameBytes = configuration.maxFrameBytes
        drainMilliseconds = configuration.drainTimeout.wholeMilliseconds
        watchdogPeriod = Watchdog(environment: environment()).map { $0.interval / 2 }
        tracer = InstrumentationSystem.installedTracer
    }
}

extension WorkerOptions {
    fileprivate init(
        _ configuration: Configuration, _ partitioning: Partitioning,
        stoppingAt failpoint: @escaping @Sendable (Failpoint) -> Void
    ) {
        self.init(
            partitioning: partitioning, replicas: configuration.redisWaitReplicas,
            clocks: .system, failpoint: failpoint)
        reporting = RequestReporting(configuration)
    }
}

extension RequestReporting {
    /// A reload uses these too.
    init(_ configuration: Configuration) {
        self.init(
            slowMilliseconds: configuration.slowRequest?.wholeMilliseconds,
            sampleEvery: configuration.logSample)
    }
}

extension CallerLimits {
    /// A reload uses these too.
    /// - Parameter connections: as many as are configured, or as open files allow.
    init(_ configuration: Configuration, connections: Int) {
        self.init()
        self.connections = connections
        idleSeconds = max(1, Int(configuration.idleTimeout.wholeMilliseconds / 1_000))
        perAddress =
            switch configuration.maxConnectionsPerAddress {
            case .automatic: .automatic
            case .off: .off
            case .number(let number): .number(number)
            }
        requestsPerUser = configuration.userRate
        requestsInFlight = configuration.maxRequestsInFlight
        bufferBytes = configuration.maxBufferBytes
    }
}

extension InheritedListeners {
    /// Nil if the setting itself says where to listen.
    fileprivate func places(of setting: any AnySetting) -> [ServerConfiguration.Place]? {
        let sockets = self[setting]
        if sockets.isEmpty { return nil }
        return sockets.map { socket in
            guard case .unix(let path) = socket.endpoint else {
                return .inherited(descriptor: socket.descriptor, socketPath: nil)
            }
            return .inherited(descriptor: socket.descriptor, socketPath: path)
        }
    }
}

extension EndpointSetting {
    fileprivate var place: ServerConfiguration.Place {
        switch self {
        case .tcp(let host, let port): .tcp(host: host, port: port)
        case .unix(let path): .unix(path: path)
        }
    }

    /// The address of the listener for HTTP: the table of settings admits TCP addresses only.
    fileprivate var tcp: (host: String, port: Int) {
        guard case .tcp(let host, let port) = self else {
            preconditionFailure("the configuration admits TCP addresses only")
        }
        return (host, port)
    }
}
