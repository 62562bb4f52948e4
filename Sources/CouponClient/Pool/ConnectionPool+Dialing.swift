// How a pool gets its connections.
internal import Logging
internal import NIOCore
internal import NIOPosix

extension ConnectionPool {
    /// Connects to each endpoint that has no connection, all at the same time.
    /// - Parameter isUrgent: whether a call waits for it. If not, an endpoint that failed is left alone for a
    ///   while.
    func connect(isUrgent: Bool) {
        let now = loop.now
        var isComplete = true
        for origin in origins {
            // A daemon that is missing may have another address now.
            let isMissing = origin.endpoints.contains(where: \.connections.isEmpty)
            if isMissing || origin.endpoints.isEmpty, origin.beginLookup(now: now) {
                findAddresses(of: origin)
            }
            for endpoint in origin.endpoints where endpoint.connections.isEmpty {
                isComplete = false
                if endpoint.mayDial(now: now, upTo: 1, isUrgent: isUrgent) { dial(endpoint) }
            }
            if origin.endpoints.isEmpty { isComplete = false }
        }
        needsConnections = !isComplete
    }

    private func findAddresses(of origin: Origin) {
        attempts += 1
        let address = origin.address
        NIOThreadPool.singleton.runIfActive(eventLoop: loop) { [lookUp] in try lookUp(address) }
            .assumeIsolated().whenComplete { result in
                self.attempts -= 1
                guard !self.isClosed else { return }
                switch result {
                case .success(let targets):
                    origin.lookedUp(targets, now: self.loop.now)
                    let isUrgent = self.connections.isEmpty
                    for endpoint in origin.endpoints
                    where endpoint.mayDial(now: self.loop.now, upTo: 1, isUrgent: isUrgent) {
                        self.dial(endpoint)
                    }
                case .failure(let error):
                    origin.lookupFailed(now: self.loop.now)
                    self.giveUpIfHopeless(error.asClientError(at: address))
                }
            }
    }

    func dial(_ endpoint: Endpoint) {
        attempts += 1
        endpoint.dials()
        ClientConnection.connect(
            to: endpoint.address, at: endpoint.target, on: loop, configuration: configuration,
            announces: true
        )
        .assumeIsolated()
        .whenComplete { self.dialed(endpoint, $0.map(\.value)) }
    }

    private func dialed(_ endpoint: Endpoint, _ result: Result<ClientConnection, any Error>) {
        attempts -= 1
        switch result {
        case .success(let connection):
            // The connection may have been closed, or its daemon may be stopping, before the pool had it.
            guard !isClosed, connection.isOpen else {
                connection.close()
                endpoint.failed(now: loop.now, jitter: .random(in: 0...1))
                return giveUpIfHopeless(.notConnected)
            }
            endpoint.connected(connection)
            logger.debug("connected", metadata: [ClientLogKey.address: "\(endpoint.name)"])
            connection.whenLeaving { [weak self, weak connection] reason in
                guard let self, let connection else { return }
                self.left(connection, of: endpoint, reason)
            }
            serve()
        case .failure(let error):
            endpoint.failed(now: loop.now, jitter: .random(in: 0...1))
            needsConnections = true
            let error = error.asClientError(at: endpoint.address)
            logger.debug(
                "no connection",
                metadata: [
                    ClientLogKey.address: "\(endpoint.name)", ClientLogKey.reason: "\(error)",
                ])
            giveUpIfHopeless(error)
        }
    }

    private func left(
        _ connection: ClientConnection, of endpoint: Endpoint, _ reason: ClientError
    ) {
        endpoint.left(connection, now: loop.now, jitter: .random(in: 0...1))
        needsConnections = true
        guard !isClosed else { return }
        logger.debug(
            "a connection gets no further calls",
            metadata: [
                ClientLogKey.address: "\(endpoint.name)", ClientLogKey.reason: "\(reason)",
            ])
    }

    private func giveUpIfHopeless(_ error: ClientError) {
        if attempts == 0, connections.isEmpty { giveUp(error) }
    }
}

extension Endpoint {
    /// For logs.
    fileprivate var name: String { target.map { "\($0)" } ?? "\(address)" }
}

extension Error {
    fileprivate func asClientError(at address: ServerAddress) -> ClientError {
        self as? ClientError ?? .cannotConnect(address, reason: String(describing: self))
    }
}
