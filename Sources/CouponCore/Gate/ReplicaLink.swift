/// One worker's way to learn whether replicas have what the gate has answered (rule 37).
///
/// Confined to the worker's event loop, as is its delegate.
public protocol ReplicaLink: AnyObject {
    /// Who hears the answer; held weakly.
    var delegate: (any ReplicaDelegate)? { get set }

    /// Asks how many replicas have all that the gate has answered until now, and waits for them as long as
    /// it is configured to. One question at a time: the answer goes to the delegate, in a later turn of
    /// the loop.
    func ask()

    /// Gives the connection up for good; no answer comes any more.
    func close()
}

/// Who hears of replicas.
public protocol ReplicaDelegate: AnyObject {
    /// The answer to the question under way; nil where nobody can say.
    func replicas(didAnswer answer: ReplicaAnswer?)
}

/// How many replicas have it, and of which Redis: after a failover another one would be asked.
public struct ReplicaAnswer: Equatable, Sendable {
    /// Replicas that have acknowledged all that was written before the question.
    public let count: Int
    /// Of the Redis that answered, read after the wait.
    public let identity: RedisIdentity

    /// An answer.
    public init(count: Int, identity: RedisIdentity) {
        self.count = count
        self.identity = identity
    }
}
