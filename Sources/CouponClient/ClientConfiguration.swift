internal import CouponDomain
internal import CouponTracing
public import NIOCore
public import Tracing

/// The bounds of a client and of its connections (promise 10). The defaults suit a service.
public struct ClientConfiguration: Sendable {
    /// Unanswered requests of one connection, 1 to 65,536. The daemon reads
    /// `Limits.requestsInFlightPerConnection` of them; further ones only wait in its socket.
    public var maximumInFlight = Limits.requestsInFlightPerConnection
    /// Connections to each address at most. Another one is made while the existing ones have many unanswered
    /// requests.
    public var connectionsPerAddress = 2
    /// The longest answer, in bytes.
    public var maximumFrameBytes = Limits.frameBytes
    /// How long to wait for a connection, and again for its TLS handshake.
    public var connectTimeout = TimeAmount.seconds(5)
    /// How long the daemon may take if a call names no deadline. For
    /// `issue(_:to:waitFor:requestID:deadline:)` it is how long the call may take, with all
    /// its tries.
    public var deadline = TimeAmount.milliseconds(Int64(Limits.defaultDeadlineMilliseconds))
    /// How often, and with which pauses, `issue(_:to:waitFor:requestID:deadline:)` asks again.
    public var retry = RetryPolicy(tries: 12)
    /// How long a graceful shutdown waits for calls in progress.
    public var shutdownTimeout = TimeAmount.seconds(5)
    /// TLS for a TCP address; nil for a connection without it.
    public var tls: ClientTLS?
    /// Proves who calls: each connection begins with it, if it is not empty. It is a token of the daemon's
    /// callers file, and not its admin token.
    public var callerToken: [UInt8] = []
    /// The admin token, for admin methods, if the daemon requires one; else empty.
    public var token: [UInt8] = []
    /// How long after a deadline the client still waits for the daemon's answer, which says what became of
    /// the request. The client alone can only say "unknown".
    public var answerGrace = TimeAmount.milliseconds(250)
    /// A connection is given up if a deadline passes and nothing has arrived for this long while requests
    /// were unanswered: the network may have lost it silently. The next call makes a new one.
    public var silenceLimit = TimeAmount.seconds(5)
    /// How often deadlines are checked, and so how exactly they are kept.
    public var deadlineResolution = TimeAmount.milliseconds(20)

    /// Makes a span for each try, whose context the daemon gets; nil for no spans. The default is the tracer
    /// that the program has installed in `InstrumentationSystem` before it makes this configuration.
    public var tracer: (any Tracer)? = InstrumentationSystem.installedTracer

    /// The defaults.
    public init() {}
}
