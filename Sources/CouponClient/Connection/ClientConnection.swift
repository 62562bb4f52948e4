internal import CouponDomain
package import CouponWire
internal import Glibc
package import NIOCore
internal import NIOPosix

/// One connection, driven by callbacks on its event loop: for callers who cannot afford a task for
/// each request. Every method, and every callback, belongs to that event loop.
///
/// Requests are pipelined; answers come in any order. Every request that was sent is answered
/// exactly once: by the daemon, by its deadline, or by the end of the connection.
package final class ClientConnection {
    /// What became of a request: an answer that is not `Response.Result.failure`, or an error.
    package typealias WhenAnswered = (Result<Response.Result, ClientError>) -> Void

    private let channel: any Channel
    private let handler: ConnectionHandler

    private init(channel: any Channel, handler: ConnectionHandler) {
        self.channel = channel
        self.handler = handler
    }

    /// Connects, and authenticates if there is a caller token.
    /// - Parameters:
    ///   - address: where the daemon listens.
    ///   - loop: where the connection lives.
    ///   - configuration: its bounds.
    /// - Returns: The connection, on `loop`; or `ClientError.cannotConnect`, or why the token was refused.
    package static func connect(
        to address: ServerAddress, on loop: any EventLoop,
        configuration: ClientConfiguration = ClientConfiguration()
    ) -> EventLoopFuture<NIOLoopBound<ClientConnection>> {
        loadTLS(address, on: loop, configuration)
            .flatMap { dial(address, on: loop, configuration, tls: $0) }
            .flatMapThrowing { channel in
                let handler = try channel.pipeline.syncOperations.handler(
                    type: ConnectionHandler.self)
                let connection = ClientConnection(channel: channel, handler: handler)
                return NIOLoopBound(connection, eventLoop: channel.eventLoop)
            }
            .flatMapErrorThrowing { error -> NIOLoopBound<ClientConnection> in
                if let error = error as? ClientError { throw error }
                throw ClientError.cannotConnect(address, reason: connectFailure(error))
            }
            .flatMap { $0.value.authenticated(at: address, configuration) }
    }

    /// Waits until the daemon knows who calls: a request that came before would be judged as nobody's.
    private func authenticated(
        at address: ServerAddress, _ configuration: ClientConfiguration
    ) -> EventLoopFuture<NIOLoopBound<ClientConnection>> {
        let connection = NIOLoopBound(self, eventLoop: eventLoop)
        guard !configuration.callerToken.isEmpty else {
            return eventLoop.makeSucceededFuture(connection)
        }
        let promise = eventLoop.makePromise(of: NIOLoopBound<ClientConnection>.self)
        let whenAnswered: WhenAnswered = { result in
            switch result {
            case .success(.authenticated): promise.succeed(connection)
            case .success: promise.fail(ClientError.wrongAnswer("the answer is for another method"))
            case .failure(let error): promise.fail(error.beforeAnyCall(to: address))
            }
        }
        do throws(ClientError) {
            try send(
                .authenticate(token: configuration.callerToken),
                deadline: configuration.connectTimeout, whenAnswered: whenAnswered)
        } catch {
            promise.fail(error)
        }
        promise.futureResult.whenFailure { _ in connection.value.close() }
        return promise.futureResult
    }

    /// Nil if the connection has no TLS. Files are not read on the event loop.
    private static func loadTLS(
        _ address: ServerAddress, on loop: any EventLoop, _ configuration: ClientConfiguration
    ) -> EventLoopFuture<LoadedTLS?> {
        guard address.socketPath == nil, let tls = configuration.tls else {
            return loop.makeSucceededFuture(nil)
        }
        return NIOThreadPool.singleton.runIfActive(eventLoop: loop) { try LoadedTLS(tls) }
    }

    private static func dial(
        _ address: ServerAddress, on loop: any EventLoop, _ configuration: ClientConfiguration,
        tls: LoadedTLS?
    ) -> EventLoopFuture<any Channel> {
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(configuration.connectTimeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try tls?.addHandlers(
                        to: channel, address: address, timeout: configuration.connectTimeout)
                    try channel.pipeline.syncOperations.addHandler(ConnectionHandler(configuration))
                }
            }
        if let path = address.socketPath { return bootstrap.connect(unixDomainSocketPath: path) }
        let channel = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connect(host: address.host, port: address.port)
        return tls == nil ? channel : channel.flatMap(handshake)
    }

    /// The same channel, once its handshake has ended well.
    private static func handshake(_ channel: any Channel) -> EventLoopFuture<any Channel> {
        let end = (try? channel.pipeline.syncOperations.handler(type: TLSHandshake.self))?.end
        return (end ?? channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel))
            .map { channel }
    }

    /// Its event loop.
    package var eventLoop: any EventLoop { channel.eventLoop }

    /// Whether requests can be sent.
    package var isOpen: Bool { handler.isOpen }

    /// How many requests are unanswered.
    package var inFlight: Int { handler.inFlight }

    /// Sends a request in this turn of the event loop. If it throws, nothing was sent and
    /// `whenAnswered` is not called; otherwise it is called once, and never before this returns.
    /// - Parameters:
    ///   - method: what is asked.
    ///   - deadline: how long the daemon may take; nil is the configuration's.
    ///   - whenAnswered: called on the event loop.
    package func send(
        _ method: Request.Method, deadline: TimeAmount? = nil,
        whenAnswered: @escaping WhenAnswered
    ) throws(ClientError) {
        try handler.send(method, deadline: deadline, whenAnswered: whenAnswered)
    }

    /// Closes; every unanswered request ends as `ClientError.connectionLost`.
    package func close() { handler.close() }
}

extension ClientError {
    /// The error of calls that waited for the connection: none of them was sent.
    fileprivate func beforeAnyCall(to address: ServerAddress) -> ClientError {
        switch self {
        case .refused(let failure): .refused(failure.with(acceptance: .notAccepted))
        case .connectionLost(let reason): .cannotConnect(address, reason: reason)
        case .deadlineExceeded, .wrongAnswer: .cannotConnect(address, reason: description)
        case .cannotConnect, .notConnected, .tooManyInFlight, .givenUp: self
        }
    }
}

/// A short reason: the text of a system error; if several addresses failed, that of the first.
private func connectFailure(_ error: any Error) -> String {
    switch error {
    case let error as NIOConnectionError:
        if let first = error.connectionErrors.first { return connectFailure(first.error) }
        return "the name \(error.host) has no address"
    case let error as IOError:
        switch error.errnoCode {
        case ECONNREFUSED: return "connection refused"
        case ETIMEDOUT: return "no answer in time"
        case EHOSTUNREACH, ENETUNREACH: return "the network is unreachable"
        case ENOENT: return "there is no such socket"
        case EACCES: return "this user may not use the socket"
        default: return error.description
        }
    case let mistake as LoadedTLS.Mistake: return mistake.reason
    case is ChannelError: return "no answer in time"
    default: return String(describing: error)
    }
}
