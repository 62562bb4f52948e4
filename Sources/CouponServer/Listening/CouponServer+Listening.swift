/// The listeners for callers.
internal import CouponAccess
internal import CouponCore
internal import Glibc
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import ServiceLifecycle
internal import Synchronization

extension CouponServer {
    /// Listens for callers at all configured addresses, or at none.
    func listen(_ loopServers: [NIOLoopBound<LoopServer>]) async throws -> [any Channel] {
        var places = configuration.listen.map { ($0, setting: "listen") }
        if let admin = configuration.adminListen { places.append((admin, "admin-listen")) }
        var listeners: [any Channel] = []
        do {
            for (place, setting) in places {
                listeners += try await listen(loopServers, at: place, setting: setting)
            }
            return listeners
        } catch {
            for listener in listeners { try? await listener.close().get() }
            throw error
        }
    }

    private func listen(
        _ loopServers: [NIOLoopBound<LoopServer>], at place: ServerConfiguration.Place,
        setting: String
    ) async throws -> [any Channel] {
        let isAdmin = setting == "admin-listen"
        switch place {
        case .unix(let path):
            let entrance = Entrance(socketPath: path, isAdmin: isAdmin)
            return [try await listen(loopServers, at: path, entrance, setting: setting)]
        case .inherited(let descriptor, let path):
            let entrance = Entrance(socketPath: path, isAdmin: isAdmin)
            return [try await accept(loopServers, from: descriptor, entrance)]
        case .tcp(let host, let first):
            let addresses = try await ListenAddress.resolve((host, first), setting: setting)
            var port = first
            return try await bindEach(addresses, setting: setting) { address in
                var listeners: [any Channel] = []
                for loopServer in loopServers {
                    var address = address
                    address.port = port
                    let listener = try await bind(
                        loopServer, at: address, Entrance(isAdmin: isAdmin),
                        isShared: !listeners.isEmpty)
                    port = listener.localAddress?.port ?? port
                    listeners.append(listener)
                }
                return listeners
            }
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
        logger.warning(
            "some addresses have no listener", metadata: [LogKey.reason: "\(missing)"])
        return listeners
    }

    /// - Parameter isShared: whether another loop of this daemon listens there already. The first one must
    ///   have the address for itself, so that two daemons do not share the callers of one port by mistake.
    private func bind(
        _ loopServer: NIOLoopBound<LoopServer>, at address: SocketAddress, _ entrance: Entrance,
        isShared: Bool
    ) async throws -> any Channel {
        let reusePort = ChannelOptions.Types.SocketOption.socketOption(
            .init(rawValue: SO_REUSEPORT))
        let isShared = isShared || configuration.reusesPort
        let listener = try await bootstrap(loopServer.eventLoop, nil).withCallersOfTCP()
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(reusePort, value: isShared ? 1 : 0)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try enter(channel, loopServer, entrance)
                }
            }
            .bind(to: address).get()
        if !isShared { try await listener.setOption(reusePort, value: 1).get() }
        return listener
    }

    /// One listener at a unix socket: the kernel does not share a path among several, so this one gives its
    /// connections to the event loops in turn.
    private func listen(
        _ loopServers: [NIOLoopBound<LoopServer>], at path: String, _ entrance: Entrance,
        setting: String
    ) async throws -> any Channel {
        let loop = group.any()
        // Two daemons that start at once must not both find that nobody listens there.
        let lock = await FolderLock(of: path)
        defer { lock.release() }
        try await UnixSocketFile.makeRoom(at: path, setting: setting, on: loop)
        // Until the file has its mode only this user may connect.
        let mask = umask(0o177)
        let listener: any Channel
        do {
            defer { umask(mask) }
            listener = try await spreading(loopServers, from: loop, entrance)
                .bind(unixDomainSocketPath: path).get()
        } catch {
            throw CannotListen(setting: setting, path: path, error)
        }
        do {
            let file = try UnixSocketFile(path, configuration.unixSockets, setting: setting)
            try await listener.eventLoop.submit {
                try listener.pipeline.syncOperations.addHandler(
                    UnixSocketRemover(file), position: .first)
            }.get()
        } catch {
            try? await listener.close().get()
            throw error
        }
        return listener
    }

    /// One listener at a socket that an activator keeps open. With one listener for each event loop, closing
    /// them would lose the connections in their queues; this queue stays for the next daemon.
    private func accept(
        _ loopServers: [NIOLoopBound<LoopServer>], from descriptor: Int32, _ entrance: Entrance
    ) async throws -> any Channel {
        var bootstrap = spreading(loopServers, from: group.any(), entrance)
        if entrance.socketPath == nil { bootstrap = bootstrap.withCallersOfTCP() }
        let listener = try await bootstrap.withBoundSocket(descriptor).get()
        // NIO has shortened the queue of connections that wait to be accepted.
        _ = Glibc.listen(descriptor, Self.waitingConnections)
        return listener
    }

    /// A listener on one loop, whose connections go to all loops in turn.
    private func spreading(
        _ loopServers: [NIOLoopBound<LoopServer>], from loop: any EventLoop, _ entrance: Entrance
    ) -> ServerBootstrap {
        let byLoop = Dictionary(
            uniqueKeysWithValues: loopServers.map { (ObjectIdentifier($0.eventLoop), $0) })
        return bootstrap(loop, group).childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                guard let loopServer = byLoop[ObjectIdentifier(channel.eventLoop)] else {
                    preconditionFailure("a connection is on a loop without a server")
                }
                try enter(channel, loopServer, entrance)
            }
        }
    }

    /// How many connections may wait to be accepted, at each listener.
    private static let waitingConnections: Int32 = 4_096

    /// - Parameter children: where connections live; nil for the loop of the listener.
    private func bootstrap(
        _ loop: any EventLoop, _ children: (any EventLoopGroup)?
    ) -> ServerBootstrap {
        ServerBootstrap(group: loop, childGroup: children ?? loop)
            .serverChannelInitializer { accepting.watch($0) }
            .serverChannelOption(.backlog, value: Self.waitingConnections)
            .serverChannelOption(.maxMessagesPerRead, value: UInt(Limits.openingsPerTurn))
            .childChannelOption(.autoRead, value: false)
            // What a turn has no time for waits in the kernel. TLS would gather it in one buffer, and keep
            // that.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(
                    minimum: 64, initial: 2_048, maximum: Limits.bytesPerRead)
            )
            .childChannelOption(
                .writeBufferWaterMark,
                value: .init(
                    low: Limits.unreadBytesPerConnection / 4,
                    high: Limits.unreadBytesPerConnection - Limits.unsentBytesOfKernel))
    }

    /// Puts together what handles a connection.
    private func enter(
        _ channel: any Channel, _ loopServer: NIOLoopBound<LoopServer>, _ entrance: Entrance
    ) throws {
        let server = loopServer.value
        server.turn.spendOpening()
        server.endTurn()
        try makeRoom(for: channel, server, entrance)
        let connection = ServerConnection(
            loopServer: server, maximumFrameBytes: configuration.maximumFrameBytes,
            entrance: entrance)
        let pipeline = channel.pipeline.syncOperations
        if let address = channel.remoteAddress,
            configuration.proxies.contains(where: { $0.contains(address.ipAddress) })
        {
            try pipeline.addHandler(
                ProxyHandler(connection) {
                    loopServers.proxyHeadersMissing.add(1, ordering: .relaxed)
                    logger.notice(
                        "a connection from a proxy's address began without a PROXY header",
                        metadata: [LogKey.address: "\(address.ipAddress ?? "")"])
                })
        }
        if entrance.socketPath == nil, let tls = configuration.tls {
            let pacer = HandshakePacer(loopServer.value)
            connection.pacer = pacer
            try pipeline.addHandler(pacer)
            try pipeline.addHandler(NIOSSLServerHandler(context: tls.context))
            try pipeline.addHandler(HandshakeHandler(connection, pacer, handshakes))
        }
        try pipeline.addHandler(connection)
    }

    /// A connection above the limit gets an error, which costs time and a descriptor. Connections far above
    /// the limit, as in a rush, are closed at once.
    private func makeRoom(
        for channel: any Channel, _ loopServer: LoopServer, _ entrance: Entrance
    ) throws(TooManyConnections) {
        let isFull =
            entrance.isAdmin
            ? loopServers.adminConnections.load(ordering: .relaxed)
                >= Limits.adminConnections + Limits.refusedAdminConnections
            : loopServers.connections.load(ordering: .relaxed)
                >= loopServers.limits.maximumConnections + Limits.refusedConnections
        guard isFull else { return }
        loopServers.connectionsRefused.add(1, ordering: .relaxed)
        loopServer.limitCounts.count(.connections, address: entrance.address(of: channel))
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

extension ServerBootstrap {
    /// Options of connections by TCP.
    fileprivate func withCallersOfTCP() -> ServerBootstrap {
        childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(
                .tcpOption(.init(rawValue: TCP_KEEPIDLE)), value: Limits.keepaliveSeconds
            )
            .childChannelOption(
                .tcpOption(.init(rawValue: TCP_KEEPINTVL)), value: Limits.keepaliveSeconds / 3
            )
            .childChannelOption(.tcpOption(.init(rawValue: TCP_KEEPCNT)), value: 3)
            .childChannelOption(
                .tcpOption(.init(rawValue: TCP_NOTSENT_LOWAT)), value: Limits.unsentBytesOfKernel)
    }
}
