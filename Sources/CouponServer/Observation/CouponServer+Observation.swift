/// The server's pages for those who watch.
internal import CouponCore
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

extension CouponServer {
    /// Listens for HTTP; nil where none is configured.
    func observe() async throws -> (any Channel)? {
        guard let address = options.observation else { return nil }
        let loop = group.any()
        return try await ServerBootstrap(group: loop)
            .serverChannelInitializer { accepting.watch($0) }
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try enter(channel)
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(IdleStateHandler(allTimeout: .seconds(10)))
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(ObservationHandler { page($0, on: loop) })
                }
            }
            .bind(host: address.host, port: address.port).get()
    }

    /// Those who watch are few; the others would take the files of callers.
    private func enter(_ channel: any Channel) throws(TooManyConnections) {
        channel.closeFuture.whenComplete { _ in
            loopServers.observers.subtract(1, ordering: .relaxed)
        }
        let count = loopServers.observers.add(1, ordering: .relaxed).newValue
        guard count <= Limits.observationConnections else { throw TooManyConnections() }
    }

    private func page(
        _ path: String, on loop: any EventLoop
    ) -> EventLoopFuture<ObservationHandler.Page> {
        switch path {
        case "/livez":
            return loop.makeSucceededFuture(.init(status: .ok, body: "alive\n"))
        case "/readyz":
            return loopServers.collect(on: loop) { $0.whyNotReady }.map { reasons in
                let reason = reasons.compactMap { $0 }.first
                return reason.map { .init(status: .serviceUnavailable, body: $0 + "\n") }
                    ?? .init(status: .ok, body: "ready\n")
            }
        case "/metrics":
            return loopServers.collect(on: loop) { $0.currentCounts }.map { tallies in
                let counts = tallies.reduce(RequestCounts(), +)
                return .init(
                    status: .ok,
                    body: counts.text() + connectionsText() + work.metrics
                        + options.moreMetrics())
            }
        default:
            return loop.makeSucceededFuture(
                .init(status: .notFound, body: "try /metrics, /livez or /readyz\n"))
        }
    }

    private func connectionsText() -> String {
        let connections = loopServers.connections.load(ordering: .relaxed)
        let refusals = loopServers.connectionsRefused.load(ordering: .relaxed)
        let failures = accepting.failures.load(ordering: .relaxed)
        return """
            # TYPE coupond_connections gauge
            coupond_connections \(connections)
            # TYPE coupond_connections_refused_total counter
            coupond_connections_refused_total \(refusals)
            # TYPE coupond_accept_failures_total counter
            coupond_accept_failures_total \(failures)

            """
    }
}
