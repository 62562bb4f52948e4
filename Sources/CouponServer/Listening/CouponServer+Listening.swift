/// The listeners for callers.
internal import CouponCore
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization

extension CouponServer {
    /// For each address a listener for each loop server, all on one port.
    func listen(_ loopServers: [NIOLoopBound<LoopServer>]) async throws -> [any Channel] {
        let addresses = try await ListenAddress.resolve(configuration.listen, setting: "listen")
        var port = configuration.listen.port
        return try await bindEach(addresses, setting: "listen") { address in
            var listeners: [any Channel] = []
            for loopServer in loopServers {
                var address = address
                address.port = port
                let listener = try await bind(
                    loopServer, at: address, isShared: !listeners.isEmpty)
                port = listener.localAddress?.port ?? port
                listeners.append(listener)
            }
            return listeners
        }
    }

    /// Listens at all addresses of a name that this machine has. An address that is in use, or not allowed,
    /// is an error: callers would reach another program.
    func bindEach(
        _ addresses: [SocketAddress], setting: String,
        _ bind: (SocketAddress) async throws -> [any Channel]
    ) async throws -> [any Channel] {
        var listeners: [any Channel] = []
        var missing: CannotListen?
        for address in addresses {
            do {
                listeners += try await bind(address)
            } catch let error as IOError
                where [EADDRNOTAVAIL, EAFNOSUPPORT].contains(error.errnoCode)
            {
                missing = CannotListen(setting: setting, address: address, error)
            } catch {
                throw CannotListen(setting: setting, address: address, error)
            }
        }
        guard let missing else { return listeners }
        if listeners.isEmpty { throw missing }
        logger.warning("\(missing)")
        return listeners
    }

    /// - Parameter isShared: whether another loop of this daemon listens there already. The first one must
    ///   have the address for itself, so that two daemons do not share the callers of one port.
    private func bind(
        _ loopServer: NIOLoopBound<LoopServer>, at address: SocketAddress, isShared: Bool
    ) async throws -> any Channel {
        let maximumFrameBytes = configuration.maximumFrameBytes
        let reusePort = ChannelOptions.Types.SocketOption.socketOption(
            .init(rawValue: SO_REUSEPORT))
        let listener = try await ServerBootstrap(group: loopServer.eventLoop)
            .serverChannelInitializer { accepting.watch($0) }
            .serverChannelOption(.backlog, value: 4_096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(reusePort, value: isShared ? 1 : 0)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(
                .tcpOption(.init(rawValue: TCP_KEEPIDLE)), value: Limits.keepaliveSeconds
            )
            .childChannelOption(
                .tcpOption(.init(rawValue: TCP_KEEPINTVL)), value: Limits.keepaliveSeconds / 3
            )
            .childChannelOption(.tcpOption(.init(rawValue: TCP_KEEPCNT)), value: 3)
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
            .bind(to: address).get()
        if !isShared { try await listener.setOption(reusePort, value: 1).get() }
        return listener
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
