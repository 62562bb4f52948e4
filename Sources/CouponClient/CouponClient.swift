internal import CouponWire
public import NIOCore
internal import NIOPosix

/// Calls the daemon over one pipelining connection, made at the first call and again after it
/// broke.
///
/// Every call ends with an answer, or with a `ClientError` whose `acceptance` says what is known. Its
/// deadline begins when the request is sent, at most `ClientConfiguration.connectTimeout` after the call.
/// Cancelling a task does not end its call: what was sent cannot be taken back, and its answer comes soon.
public final class CouponClient: Sendable {
    /// Where the daemon listens.
    public let address: ServerAddress
    private let loop: any EventLoop
    private let dialer: NIOLoopBoundBox<Dialer>

    /// A client that connects at its first call.
    /// - Parameters:
    ///   - address: where the daemon listens.
    ///   - configuration: the bounds of its connection.
    ///   - loop: where the connection lives; nil for one of NIO's shared loops.
    public init(
        address: ServerAddress, configuration: ClientConfiguration = ClientConfiguration(),
        on loop: (any EventLoop)? = nil
    ) {
        let loop = loop ?? MultiThreadedEventLoopGroup.singleton.next()
        self.address = address
        self.loop = loop
        dialer = .makeBoxSendingValue(
            Dialer(address: address, configuration: configuration, loop: loop), eventLoop: loop)
    }

    /// Closes the connection; every unanswered call ends, later ones end at once.
    public func close() async {
        await withCheckedContinuation { continuation in
            loop.execute {
                self.dialer.value.close()
                continuation.resume()
            }
        }
    }

    /// Sends one request and waits for its answer.
    /// - Parameters:
    ///   - method: the method with its arguments.
    ///   - deadline: how long the daemon may take; nil is the configuration's.
    /// - Returns: An answer that is not `Response.Result.failure`.
    func call(
        _ method: Request.Method, deadline: TimeAmount? = nil
    ) async throws(ClientError) -> Response.Result {
        let result: Result<Response.Result, ClientError> = await withCheckedContinuation {
            waiting in
            loop.execute {
                self.dialer.value.withConnection { connection in
                    do throws(ClientError) {
                        try connection.get().send(method, deadline: deadline) {
                            waiting.resume(returning: $0)
                        }
                    } catch {
                        waiting.resume(returning: .failure(error))
                    }
                }
            }
        }
        return try result.get()
    }
}
