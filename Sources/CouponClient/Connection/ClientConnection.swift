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

    /// Connects.
    /// - Parameters:
    ///   - address: where the daemon listens.
    ///   - loop: where the connection lives.
    ///   - configuration: its bounds.
    /// - Returns: The connection, or `ClientError.cannotConnect`, on `loop`.
    package static func connect(
        to address: ServerAddress, on loop: any EventLoop,
        configuration: ClientConfiguration = ClientConfiguration()
    ) -> EventLoopFuture<NIOLoopBound<ClientConnection>> {
        ClientBootstrap(group: loop)
            .connectTimeout(configuration.connectTimeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ConnectionHandler(configuration))
                }
            }
            .connect(host: address.host, port: address.port)
            .flatMapThrowing { channel in
                let handler = try channel.pipeline.syncOperations.handler(
                    type: ConnectionHandler.self)
                let connection = ClientConnection(channel: channel, handler: handler)
                return NIOLoopBound(connection, eventLoop: channel.eventLoop)
            }
            .flatMapErrorThrowing { error in
                throw ClientError.cannotConnect(address, reason: connectFailure(error))
            }
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
        default: return error.description
        }
    case is ChannelError: return "no answer in time"
    default: return String(describing: error)
    }
}
