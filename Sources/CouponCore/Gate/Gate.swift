/// One worker's gate connection: at most `Limits.gateCallsInFlight` calls in flight, answered in order.
///
/// Confined to the worker's event loop, as is its delegate.
public protocol Gate: AnyObject {
    /// Which Redis it reaches, checked and ready; nil while there is none.
    var identity: RedisIdentity? { get }

    /// Why no call can be sent now; nil if calls can be sent. Calls that were sent before are still answered.
    var outage: String? { get }

    /// Why calls fail now, or will fail after the next break; nil if no reason is known.
    var trouble: String? { get }

    /// Gets the answers; held until `close`.
    var delegate: (any GateDelegate)? { get set }

    /// Sends a call; its answer goes to the delegate. Calls are answered in the order they were sent, except
    /// one that is sent during an outage: it is refused before the answers to earlier ones.
    func send(_ call: GateCall)

    /// Checks that it still reaches the Redis of `identity`, with the same history; if not, replaces the
    /// connection. A Redis that becomes a replica, and then a master again, breaks no connection (rule 11).
    func verify()

    /// Gives the connection up for good; no answer comes any more.
    func close()
}

extension Gate {
    /// By default the only reason is that no Redis is reached.
    public var outage: String? { identity == nil ? "Redis is not reachable" : nil }

    /// By default an outage is the only reason.
    public var trouble: String? { outage }
}

/// Gets the gate's answers.
public protocol GateDelegate: AnyObject {
    /// The answer to a call.
    func gate(didAnswer call: GateCall, with answer: GateAnswer)
    /// The connection to the gate was made or lost; see `identity`.
    func gateDidChange()
}
