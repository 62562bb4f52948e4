public import CouponDomain
internal import CouponTracing
internal import CouponWire
public import Logging
public import NIOCore
internal import NIOPosix
internal import Synchronization
internal import Tracing

/// Calls coupond over a few pipelining connections to one or more daemons. The connections are made at the
/// first call, and again after they broke.
///
/// A call goes to the daemon with the fewest unanswered requests of this client. Every call ends with an
/// answer or with an error that says what is known of it. Its deadline begins when the request is sent, at
/// most ``ClientConfiguration/connectTimeout`` after the call. Cancelling a task ends its call. A request
/// that was sent cannot be taken back: its fate is unknown then.
public final class CouponClient: Sendable {
    /// The trace that requests of the current task belong to, for the daemon's log; nil for none. With
    /// ``ClientConfiguration/tracer`` it is the parent of the client's spans.
    ///
    ///     try await CouponClient.$trace.withValue(TraceContext(traceparent)) {
    ///         try await client.issue(coupon, to: user)
    ///     }
    @TaskLocal public static var trace: TraceContext?

    /// Where daemons listen.
    public let addresses: [ServerAddress]
    /// Where the first daemon listens.
    public var address: ServerAddress { addresses[0] }
    let configuration: ClientConfiguration
    let loop: any EventLoop
    let logger: Logger
    let metrics = ClientMetrics()
    let retries = Mutex(RetryBudget())
    private let pool: NIOLoopBoundBox<ConnectionPool>

    /// A client that connects at its first call.
    /// - Parameters:
    ///   - addresses: where daemons listen, at least one. A name may have several addresses.
    ///   - configuration: the bounds of the client and of its connections.
    ///   - loop: where the connections live; nil for one of NIO's shared loops.
    ///   - logger: for connections that are made and lost; nil to log nothing.
    public convenience init(
        addresses: [ServerAddress], configuration: ClientConfiguration = ClientConfiguration(),
        on loop: (any EventLoop)? = nil, logger: Logger? = nil
    ) {
        self.init(
            addresses: addresses, configuration: configuration, on: loop, logger: logger,
            lookUp: NameLookup.addresses(of:))
    }

    /// - Parameter lookUp: finds the addresses of a name.
    init(
        addresses: [ServerAddress], configuration: ClientConfiguration = ClientConfiguration(),
        on loop: (any EventLoop)? = nil, logger: Logger? = nil,
        lookUp: @escaping NameLookup.Function
    ) {
        precondition(!addresses.isEmpty, "a client needs an address")
        let loop = loop ?? MultiThreadedEventLoopGroup.singleton.next()
        let logger = logger ?? Logger(label: "coupon-client") { _ in SwiftLogNoOpLogHandler() }
        self.addresses = addresses
        self.configuration = configuration
        self.loop = loop
        self.logger = logger
        pool = .makeBoxSendingValue(
            ConnectionPool(
                addresses: addresses, configuration: configuration, loop: loop, logger: logger,
                lookUp: lookUp),
            eventLoop: loop)
    }

    /// A client of one daemon, or of all daemons that a name leads to. It connects at its first call.
    /// - Parameters:
    ///   - address: where the daemon listens.
    ///   - configuration: the bounds of the client and of its connections.
    ///   - loop: where the connections live; nil for one of NIO's shared loops.
    public convenience init(
        address: ServerAddress, configuration: ClientConfiguration = ClientConfiguration(),
        on loop: (any EventLoop)? = nil
    ) {
        self.init(addresses: [address], configuration: configuration, on: loop)
    }

    /// Closes all connections. Every unanswered call ends; later calls end at once.
    public func close() async { await onPool { $0.close() } }

    /// From now on calls end with ``ClientError/notConnected``. Calls that are already sent go on.
    func drain() async { await onPool { $0.drain() } }

    /// Calls that have no answer.
    var callsInProgress: Int { get async { await onPool { $0.callsInProgress } } }

    private func onPool<Value: Sendable>(
        _ body: @escaping @Sendable (ConnectionPool) -> Value
    ) async -> Value {
        await withCheckedContinuation { continuation in
            loop.execute { continuation.resume(returning: body(self.pool.value)) }
        }
    }

    /// The trace that a request carries. With a trace, a bounce costs the daemon 33 times as much as without.
    /// So a trace that nobody records is not sent, unless the program has set it itself.
    private func trace(of span: RequestSpan?) -> TraceContext? {
        guard let trace = span?.trace else { return Self.trace }
        return trace.isSampled || Self.trace != nil ? trace : nil
    }

    /// Sends one request and waits for its answer.
    /// - Parameters:
    ///   - method: the method with its arguments.
    ///   - deadline: how long the daemon may take; nil is the configuration's.
    ///   - limit: when the call must end, its wait for a connection included; nil if only the deadline
    ///     counts.
    /// - Returns: An answer that is not `Response.Result.failure`.
    func call(
        _ method: Request.Method, deadline: TimeAmount? = nil, limit: NIODeadline? = nil
    ) async throws(ClientError) -> Response.Result {
        let begin = NIODeadline.now()
        let span = configuration.tracer.map {
            RequestSpan(method.name, .client, of: $0, parent: Self.trace)
        }
        let call = NIOLoopBoundBox.makeBoxSendingValue(
            Call(method, trace: trace(of: span), deadline: deadline, limit: limit),
            eventLoop: loop)
        let result: Result<Response.Result, ClientError> = await withTaskCancellationHandler {
            await withCheckedContinuation { waiting in
                loop.execute {
                    call.value.begin { waiting.resume(returning: $0) }
                    self.pool.value.perform(call.value)
                }
            }
        } onCancel: {
            loop.execute { self.pool.value.cancel(call.value) }
        }
        let nanoseconds = (NIODeadline.now() - begin).nanoseconds
        switch result {
        case .success(let answer):
            metrics.ended(nil, nanoseconds: nanoseconds)
            span?.end(answer.endName, isFailure: false)
            return answer
        case .failure(let error):
            metrics.ended(error, nanoseconds: nanoseconds)
            span?.end(error.name, isFailure: true)
            throw error
        }
    }
}
