/// HTTP for metrics and health.
internal import CouponAccess
internal import CouponCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

extension CouponServer {
    /// Empty if no address is configured.
    func startMetricsListeners() async throws -> [any Channel] {
        guard let listen = configuration.metricsListen else { return [] }
        // A thread of its own: a flood of HTTP requests does not take turns from callers.
        let observing = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = observing.next()
        let pages = PagesInFlight(on: loop) { page($0, on: loop) }
        let bootstrap = ServerBootstrap(group: loop)
            .serverChannelInitializer { accepting.watch($0) }
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // A client may close its sending side after its request, and still read.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try enter(channel)
                    let pipeline = channel.pipeline.syncOperations
                    let observer = ObservationHandler(
                        refusal: refusal, refused: observerRefused
                    ) {
                        pages.page(.init(path: $0, view: view(for: $1)))
                    }
                    try pipeline.addHandler(RequestSizeHandler(observer))
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(observer)
                }
            }
        var listeners: [any Channel] = []
        if let descriptor = configuration.metricsDescriptor {
            listeners = [try await bootstrap.withBoundSocket(descriptor).get()]
        } else {
            var port = listen.port
            let addresses = try await ListenAddress.resolve(listen, setting: "metrics-listen")
            listeners = try await bindEach(addresses, setting: "metrics-listen") { address in
                var address = address
                address.port = port
                let listener = try await bootstrap.bind(to: address).get()
                port = listener.localAddress?.port ?? port
                return [listener]
            }
        }
        EventLoopFuture.andAllComplete(listeners.map(\.closeFuture), on: loop).whenComplete { _ in
            observing.shutdownGracefully { _ in }
        }
        return listeners
    }

    /// Few connections are needed here; more would use up the descriptors of callers.
    private func enter(_ channel: any Channel) throws(TooManyConnections) {
        channel.closeFuture.whenComplete { _ in
            loopServers.observers.subtract(1, ordering: .relaxed)
        }
        let count = loopServers.observers.add(1, ordering: .relaxed).newValue
        guard count <= Limits.observationConnections, enterAddress(channel) else {
            observerRefused("too many connections", "", channel.remoteAddress?.ipAddress)
            throw TooManyConnections()
        }
    }

    /// An address beyond this machine may have only a part of the HTTP connections, so that a scraper at
    /// another address gets one too.
    private func enterAddress(_ channel: any Channel) -> Bool {
        guard let text = channel.remoteAddress?.ipAddress, let ip = IPAddress(text),
            !ip.isLoopback, let address = AddressKey(text)
        else { return true }
        let counts = loopServers.limits.observers
        guard counts.enter(address, limit: Limits.observationConnectionsPerAddress) else {
            return false
        }
        channel.closeFuture.whenComplete { _ in counts.leave(address) }
        return true
    }

    /// Everything that is served. What the pages show is read-only.
    private func page(
        _ question: PagesInFlight.Question, on loop: any EventLoop
    ) -> EventLoopFuture<ObservationHandler.Page> {
        let view = question.view
        switch question.path {
        case "/livez":
            return loop.makeSucceededFuture(.init(status: .ok, body: "alive\n"))
        case "/readyz":
            return observe(on: loop).map {
                .init(
                    isOK: $0.isReady,
                    view.contains(.reasons)
                        ? ReadinessPage.text($0.condition, isReady: $0.isReady)
                        : ReadinessPage.shortText(isReady: $0.isReady))
            }
        case "/readyz?verbose":
            return observe(on: loop).map {
                .init(
                    isOK: $0.isReady,
                    view.contains(.reasons)
                        ? ReadinessPage.verboseText($0.condition, isReady: $0.isReady)
                        : ReadinessPage.shortText(isReady: $0.isReady))
            }
        case "/metrics":
            return metrics(on: loop).map { .init(status: .ok, body: $0) }
        case "/":
            return loop.makeSucceededFuture(.init(status: .ok, body: StatusPage.html, type: .html))
        case "/status.json":
            return statusDocument(view, on: loop).map { .init(status: .ok, body: $0, type: .json) }
        default:
            return loop.makeSucceededFuture(
                .init(status: .notFound, body: "try /, /metrics, /livez or /readyz\n"))
        }
    }

    /// What the daemon can do now, and whether it is reported as ready.
    func observe(on loop: any EventLoop) -> EventLoopFuture<(condition: Condition, isReady: Bool)> {
        loopServers.collect(on: loop) { $0.condition }.map { loops in
            let condition = Condition(
                loops: loops, partitions: configuration.worker.partitioning.count,
                queues: environment.whyPartitionsWait,
                missingRights: environment.missingRights)
            let isReady = loopServers.readiness.withLock {
                $0.observe(condition, now: configuration.worker.clocks.now())
                return $0.isReady
            }
            return (condition, isReady)
        }
    }

    /// In Prometheus' text format.
    func metrics(on loop: any EventLoop) -> EventLoopFuture<String> {
        let loops = loopServers.collect(on: loop) {
            (families: $0.metrics, times: $0.times.with($0.worker?.times))
        }
        return loops.and(observe(on: loop)).flatMap { loops, observed in
            // The environment reads files of the system.
            NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
                let own =
                    MetricFamily.sum(loops.map(\.families)) + connectionMetrics + tlsMetrics
                    + work.metrics + gateMetrics(observed.condition, observed.isReady)
                let times = loops.reduce(into: LoopTimes()) { $0 += $1.times }
                return own.map(\.text).joined() + times.text
                    + environment.schedulerState.text(now: configuration.worker.clocks.wallNow())
                    + environment.metrics
            }
        }
    }

    private func gateMetrics(_ condition: Condition, _ isReady: Bool) -> [MetricFamily] {
        let isDegraded = condition.trouble != nil || condition.missingRights != nil
        return [
            MetricFamily(MetricName.ready, .gauge, isReady ? 1 : 0),
            MetricFamily(MetricName.degraded, .gauge, isDegraded ? 1 : 0),
            MetricFamily(MetricName.partitionsOpen, .gauge, condition.partitionsOpen),
            MetricFamily(
                MetricName.partitionsOwned, .gauge,
                configuration.worker.partitioning.all.count { environment.owns($0) }),
            MetricFamily(MetricName.partitionsLent, .gauge, environment.partitionsLent),
        ]
    }

    private var connectionMetrics: [MetricFamily] {
        [
            MetricFamily(
                MetricName.connections, .gauge,
                loopServers.connections.load(ordering: .relaxed)
                    + loopServers.adminConnections.load(ordering: .relaxed)),
            MetricFamily(
                MetricName.connectionsRefused, .counter,
                loopServers.connectionsRefused.load(ordering: .relaxed)),
            MetricFamily(
                MetricName.proxyHeadersMissing, .counter,
                loopServers.proxyHeadersMissing.load(ordering: .relaxed)),
            MetricFamily(
                MetricName.httpRefused, .counter,
                loopServers.observersRefused.load(ordering: .relaxed)),
            MetricFamily(
                MetricName.acceptFailures, .counter, accepting.failures.load(ordering: .relaxed)),
            MetricFamily(
                MetricName.trailLinesLost, .counter,
                loopServers.trailLinesLost.load(ordering: .relaxed)),
        ]
    }

    /// Empty without TLS.
    private var tlsMetrics: [MetricFamily] {
        guard let tls = configuration.tls else { return [] }
        return [
            MetricFamily(MetricName.tlsCertificateExpiry, .gauge, tls.expiry),
            MetricFamily(
                MetricName.tlsHandshakeFailures, .counter, by: "cause", handshakes.counts),
        ]
    }
}
