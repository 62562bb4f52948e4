/// A gate whose answers a test gives: for what a real Redis does only by chance.
public import CouponCore

/// Keeps the calls until the test answers them, in order.
public final class FakeGate: Gate {
    /// Which Redis it claims to reach.
    public var identity: RedisIdentity?
    /// Why it takes no call although it reaches that Redis; the calls that it has are still answered.
    public var breach: String?
    /// Gets the answers.
    public weak var delegate: (any GateDelegate)?
    /// The calls in flight, oldest first.
    public private(set) var calls: [GateCall] = []
    /// How many calls were ever sent.
    public private(set) var sent = 0
    /// The most calls that were ever in flight at once.
    public private(set) var mostUnderWay = 0

    /// Why no call can be sent now.
    public var outage: String? { breach ?? (identity == nil ? "Redis is not reachable" : nil) }

    /// A gate of this Redis.
    public init(identity: RedisIdentity?) { self.identity = identity }

    /// Keeps a call. During an outage it answers the call at once, before earlier ones.
    public func send(_ call: GateCall) {
        if let outage {
            delegate?.gate(didAnswer: call, with: .unavailable(outage))
            return
        }
        calls.append(call)
        sent += 1
        mostUnderWay = max(mostUnderWay, calls.count)
    }

    /// How often it was asked to check which Redis it reaches.
    public private(set) var verified = 0

    /// Counts.
    public func verify() { verified += 1 }

    /// Forgets the calls in flight.
    public func close() { calls.removeAll() }

    /// Answers the oldest call, or another one, which no real gate does. False if it is not in flight.
    @discardableResult
    public func answer(number: Int = 0, _ judge: (GateCall) -> GateAnswer) -> Bool {
        guard number < calls.count else { return false }
        let call = calls.remove(at: number)
        delegate?.gate(didAnswer: call, with: judge(call))
        return true
    }

    /// The connection breaks or is back, and the delegate is notified.
    public func become(_ identity: RedisIdentity?) {
        self.identity = identity
        delegate?.gateDidChange()
    }
}
