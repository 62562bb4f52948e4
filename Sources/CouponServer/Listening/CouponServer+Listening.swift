/// The listeners for callers.
internal import CouponCore
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization

extension CouponServer {
    /// A listener for each loop server, all on one port.
    func listen(_ loopServers: [NIOLoopBound<LoopServer>]) async throws -> [any Channel] {
        var listeners: [any Channel] = []
        for loopServer in loopServers {
            let port = listeners.first?.localAddress?.port ?? configuration.listen.port
            listeners.append(try await bind(loopServer.eventLoop, loopServer, port: port))
        }
        return listeners
    }

    private func bind(
        _ loop: any EventLoop, _ loopServer: NIOLoopBound<LoopServer>, port: Int
    ) async throws -> any Channel {
        let maximumFrameBytes = configuration.maximumFrameBytes
        return try await ServerBootstrap(group: loop)
            .serverChannelInitializer { accepting.watch($0) }
            .serverChannelOption(.backlog, value: 4_096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.socketOption(.init(rawValue: SO_REUSEPORT)), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(
                .writeBufferWaterMark,
                value: .init(
                    low: Limits.unwrittenBytesPerConnection / 4,
                    high: Limits.unwrittenBytesPerConnection)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try makeRoom()
                    try channel.pipeline.syncOperations.addHandler(
                        ServerConnection(
                            loopServer: loopServer.value, maximumFrameBytes: maximumFrameBytes))
                }
            }
            .bind(host: configuration.listen.host, port: port).get()
    }

    /// A connection above the limit gets an error, which costs time and a descriptor. Connections far above
    /// the limit, as in a rush, are closed at once.
    private func makeRoom() throws(TooManyConnections) {
        let most = configuration.maximumConnections + Limits.refusedConnections
        guard loopServers.connections.load(ordering: .relaxed) >= most else { return }
        loopServers.connectionsRefused.add(1, ordering: .relaxed)
        throw TooManyConnections()
    }

    /// Waits for graceful shutdown, or until a listener is lost.
    /// - Returns: whether a listener was lost.
    func untilStopped(_ listeners: [any Channel]) async -> Bool {
        let (losses, loss) = AsyncStream.makeStream(of: SocketAddress?.self)
        for listener in listeners {
            let address = listener.localAddress
            listener.closeFuture.whenComplete { _ in loss.yield(address) }
        }
        for await address in losses.cancelOnGracefulShutdown() {
            logger.error(
                "a listening socket was lost",
                metadata: [LogKey.address: "\(address, default: "?")"])
            return true
        }
        return false
    }
}
