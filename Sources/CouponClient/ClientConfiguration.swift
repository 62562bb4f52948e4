internal import CouponDomain
public import NIOCore

/// What a connection allows itself. The defaults suit a service; every value is a bound (promise
/// 10).
public struct ClientConfiguration: Sendable {
    /// Unanswered requests of one connection, 1 to 65,536. More than the
    /// daemon reads from one connection (`Limits.requestsInFlightPerConnection`) only wait in its
    /// socket.
    public var maximumInFlight = Limits.requestsInFlightPerConnection
    /// The longest answer, in bytes.
    public var maximumFrameBytes = Limits.frameBytes
    /// How long to wait for a connection.
    public var connectTimeout = TimeAmount.seconds(5)
    /// How long the daemon may take where a call does not say.
    public var deadline = TimeAmount.milliseconds(Int64(Limits.defaultDeadlineMilliseconds))
    /// For admin methods, where the daemon asks for it; empty where there is none.
    public var token: [UInt8] = []
    /// How long the client waits past a deadline, so that the daemon's own word (what became of the
    /// request) arrives instead of the client's, which is always "unknown".
    public var answerGrace = TimeAmount.milliseconds(250)
    /// A connection on which a deadline passes, and nothing at all was heard for so long though something
    /// was asked, is taken for dead: the network may have lost it without a word to anybody. The next
    /// call makes a new one.
    public var silenceLimit = TimeAmount.seconds(5)
    /// How often deadlines are looked at: they are kept to within this.
    public var deadlineResolution = TimeAmount.milliseconds(20)

    /// The defaults.
    public init() {}
}
