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
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try enter(channel)
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(RequestSizeHandler { countRefusedObserver() })
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(
                        ObservationHandler(refusal: refusal) { pages.page($0) })
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
            countRefusedObserver()
            throw TooManyConnections()
        }
    }

    /// One address beyond this machine has a part of the places: so a scraper finds one beside it.
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

    /// Why a page is refused: beyond this machine only readers of the callers file see more than probes do.
    /// - Parameter authorization: the value of that header.
    private func refusal(
        of path: String, _ authorization: String?
    ) -> ObservationHandler.Page? {
        let callers = environment.callers
        guard configuration.observersNeedRole, callers.areConfigured,
            path != "/livez", path != "/readyz"
        else { return nil }
        let scheme = "bearer "
        if let authorization, authorization.lowercased().hasPrefix(scheme) {
            let token = Array(authorization.utf8.dropFirst(scheme.utf8.count))
            let principal = callers.principal(provedBy: TokenDigest(of: token))
            let now = configuration.worker.clocks.wallNow()
            if let principal, principal.roles.contains(.reader), principal.coupons == nil,
                !principal.hasExpired(at: now)
            {
                return nil
            }
        }
        countRefusedObserver()
        logger.notice(
            "a request over HTTP was refused", metadata: [LogKey.method: "GET \(path.prefix(64))"])
        return ObservationHandler.Page(
            status: .unauthorized,
            body: "Authorization: Bearer with the token of a reader for all coupons is needed\n")
    }

    private func countRefusedObserver() {
        loopServers.observersRefused.add(1, ordering: .relaxed)
    }

    private func page(
        _ path: String, on loop: any EventLoop
    ) -> EventLoopFuture<ObservationHandler.Page> {
        switch path {
        case "/livez":
            return loop.makeSucceededFuture(.init(status: .ok, body: "alive\n"))
        case "/readyz":
            return loopServers.collect(on: loop) { $0.whyNotReady }.map { reasons in
                let reason = reasons.compactMap(\.self).first
                // It may quote Redis or PostgreSQL, and people ask with curl.
                return reason.map {
                    .init(status: .serviceUnavailable, body: $0.safeForTerminal + "\n")
                }
                    ?? .init(status: .ok, body: "ready\n")
            }
        case "/metrics":
            let loops = loopServers.collect(on: loop) {
                ($0.metrics, isReady: $0.whyNotReady == nil)
            }
            return loops.flatMap { loops in
                // The environment reads files of the system.
                NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
                    let own =
                        MetricFamily.sum(loops.map { $0.0 }) + connectionMetrics + tlsMetrics
                        + work.metrics
                        + gateMetrics(isReady: loops.allSatisfy(\.isReady))
                    return .init(
                        status: .ok, body: own.map(\.text).joined() + environment.metrics)
                }
            }
        default:
            return loop.makeSucceededFuture(
                .init(status: .notFound, body: "try /metrics, /livez or /readyz\n"))
        }
    }

    private func gateMetrics(isReady: Bool) -> [MetricFamily] {
        [
            MetricFamily(MetricName.ready, .gauge, isReady ? 1 : 0),
            MetricFamily(
                MetricName.partitionsOwned, .gauge,
                configuration.worker.partitioning.all.count { environment.owns($0) }),
            MetricFamily(MetricName.partitionsLent, .gauge, environment.partitionsLent),
        ]
    }

    private var connectionMetrics: [MetricFamily] {
        [
            MetricFamily(
                MetricName.connections, .gauge, loopServers.connections.load(ordering: .relaxed)),
            MetricFamily(
                MetricName.connectionsRefused, .counter,
                loopServers.connectionsRefused.load(ordering: .relaxed)),
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
