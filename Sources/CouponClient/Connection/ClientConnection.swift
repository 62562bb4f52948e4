package import CouponDomain
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
    /// How long this client may send nothing before the daemon closes the connection; nil if the daemon does
    /// not say.
    private var idleLimit: TimeAmount?

    private init(channel: any Channel, handler: ConnectionHandler) {
        self.channel = channel
        self.handler = handler
    }

    /// Connects, and authenticates if there is a caller token.
    /// - Parameters:
    ///   - address: where the daemon listens.
    ///   - target: one of the addresses of the name in `address`; nil to look the name up.
    ///   - loop: where the connection lives.
    ///   - configuration: its bounds.
    ///   - announces: whether to say that the client knows `GoAway`.
    /// - Returns: The connection, on `loop`; or `ClientError.cannotConnect`, or why the token was refused.
    package static func connect(
        to address: ServerAddress, at target: SocketAddress? = nil, on loop: any EventLoop,
        configuration: ClientConfiguration = ClientConfiguration(), announces: Bool = false
    ) -> EventLoopFuture<NIOLoopBound<ClientConnection>> {
        loadTLS(address, on: loop, configuration)
            .flatMap { dial(address, target, on: loop, configuration, tls: $0) }
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
            .flatMap { announces ? $0.value.announced(at: address, configuration) : $0.future }
    }

    /// Waits until the daemon knows who calls: it would judge an earlier request as one of `anonymous`.
    private func authenticated(
        at address: ServerAddress, _ configuration: ClientConfiguration
    ) -> EventLoopFuture<NIOLoopBound<ClientConnection>> {
        guard !configuration.callerToken.isEmpty else {
            return eventLoop.makeSucceededFuture(NIOLoopBound(self, eventLoop: eventLoop))
        }
        return prepared(
            by: .authenticate(token: configuration.callerToken), at: address, configuration
        ) { if case .authenticated = $0 { true } else { false } }
    }

    /// Says that the client knows `GoAway`. The answer also shows that the daemon reads this connection: the
    /// kernel accepts connections for a listener that is about to close, and nobody reads them.
    private func announced(
        at address: ServerAddress, _ configuration: ClientConfiguration
    ) -> EventLoopFuture<NIOLoopBound<ClientConnection>> {
        prepared(by: .serverInfo(acceptsGoAway: true), at: address, configuration) { answer in
            guard case .serverInfo(let info) = answer else { return false }
            self.idleLimit = info.idleSeconds == 0 ? nil : .seconds(Int64(info.idleSeconds))
            return true
        }
    }

    /// Sends a request that comes before all calls.
    /// - Parameter isExpected: whether the answer has the type that this request needs.
    private func prepared(
        by method: Request.Method, at address: ServerAddress, _ configuration: ClientConfiguration,
        _ isExpected: @escaping (Response.Result) -> Bool
    ) -> EventLoopFuture<NIOLoopBound<ClientConnection>> {
        let connection = NIOLoopBound(self, eventLoop: eventLoop)
        let promise = eventLoop.makePromise(of: NIOLoopBound<ClientConnection>.self)
        let whenAnswered: WhenAnswered = { result in
            switch result {
            case .success(let answer) where isExpected(answer): promise.succeed(connection)
            case .success: promise.fail(ClientError.wrongAnswer("the answer is for another method"))
            case .failure(let error): promise.fail(error.beforeAnyCall(to: address))
            }
        }
        do throws(ClientError) {
            try send(
                method, deadline: configuration.connectTimeout, whenAnswered: whenAnswered)
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
        _ address: ServerAddress, _ target: SocketAddress?, on loop: any EventLoop,
        _ configuration: ClientConfiguration, tls: LoadedTLS?
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
        let stream = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
        let channel =
            target.map { stream.connect(to: $0) }
            ?? stream.connect(host: address.host, port: address.port)
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

    /// Whether the daemon may be closing it, because nothing was sent for nearly as long as it allows.
    var isStale: Bool {
        guard let idleLimit, inFlight == 0, let idleTime = handler.idleTime else { return false }
        return idleTime.nanoseconds > idleLimit.nanoseconds / 5 * 4
    }

    /// - Parameter action: called once, when no further request can be sent, with the reason.
    func whenLeaving(_ action: @escaping (ClientError) -> Void) { handler.whenLeaving(action) }

    /// Sends a request in this turn of the event loop. If it throws, nothing was sent and
    /// `whenAnswered` is not called; otherwise it is called once, and never before this returns.
    /// - Parameters:
    ///   - method: what is asked.
    ///   - deadline: how long the daemon may take; nil is the configuration's.
    ///   - whenAnswered: called on the event loop.
    /// - Returns: the number with which it can be cancelled.
    @discardableResult
    package func send(
        _ method: Request.Method, trace: TraceContext? = nil, deadline: TimeAmount? = nil,
        whenAnswered: @escaping WhenAnswered
    ) throws(ClientError) -> UInt64 {
        try handler.send(method, trace: trace, deadline: deadline, whenAnswered: whenAnswered)
    }

    /// Ends a request as `ClientError.cancelled`, if it has no answer; its late answer is dropped.
    package func cancel(_ request: UInt64) { handler.cancel(request) }

    /// Closes; every unanswered request ends as `ClientError.connectionLost`.
    package func close() { handler.close() }
}

extension NIOLoopBound<ClientConnection> {
    fileprivate var future: EventLoopFuture<Self> { eventLoop.makeSucceededFuture(self) }
}

extension ClientError {
    /// The error of calls that waited for the connection: none of them was sent.
    fileprivate func beforeAnyCall(to address: ServerAddress) -> ClientError {
        switch self {
        case .refused(let failure): .refused(failure.with(acceptance: .notAccepted))
        case .connectionLost(let reason): .cannotConnect(address, reason: reason)
        case .deadlineExceeded, .wrongAnswer: .cannotConnect(address, reason: description)
        case .cannotConnect, .notConnected, .tooManyInFlight, .cancelled, .givenUp: self
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
    case SocketAddressError.unixDomainSocketPathTooLong:
        return "the path of a unix socket may have \(SocketPath.limit) bytes"
    case is ChannelError: return "no answer in time"
    default: return String(describing: error)
    }
}
