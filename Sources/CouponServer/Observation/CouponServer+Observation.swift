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
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(IdleStateHandler(allTimeout: .seconds(10)))
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(ObservationHandler { page($0, on: loop) })
                }
            }
            .bind(host: address.host, port: address.port).get()
    }

    private func page(
        _ path: String, on loop: any EventLoop
    ) -> EventLoopFuture<ObservationHandler.Page> {
        switch path {
        case "/livez":
            return loop.makeSucceededFuture(.init(status: .ok, body: "alive\n"))
        case "/readyz":
            return roster.collect(on: loop) { $0.whyNotReady }.map { reasons in
                let reason = reasons.compactMap { $0 }.first
                return reason.map { .init(status: .serviceUnavailable, body: $0 + "\n") }
                    ?? .init(status: .ok, body: "ready\n")
            }
        case "/metrics":
            return roster.collect(on: loop) { $0.currentTally }.map { tallies in
                let tally = tallies.reduce(Tally(), +)
                let connections = roster.connections.load(ordering: .relaxed)
                return .init(
                    status: .ok,
                    body: tally.text(connections: connections) + options.moreMetrics())
            }
        default:
            return loop.makeSucceededFuture(
                .init(status: .notFound, body: "try /metrics, /livez or /readyz\n"))
        }
    }
}
