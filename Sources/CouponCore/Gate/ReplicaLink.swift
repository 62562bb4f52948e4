/// How a worker asks whether replicas have what the gate has answered (rule 37).
///
/// Confined to the worker's event loop, as is its delegate.
public protocol ReplicaLink: AnyObject {
    /// Gets the answer; held weakly.
    var delegate: (any ReplicaDelegate)? { get set }

    /// Asks how many replicas have all that the gate has answered until now, and waits for them as long as
    /// configured. One question at a time; the delegate gets the answer in a later turn of the loop.
    func ask()

    /// Closes the connection; no more answers come.
    func close()
}

/// Gets the answers of a `ReplicaLink`.
public protocol ReplicaDelegate: AnyObject {
    /// The answer to the question in flight; nil if it could not be asked.
    func replicas(_ link: any ReplicaLink, didAnswer answer: ReplicaAnswer?)
}

/// How many replicas have what was asked about, and of which Redis they are replicas: after a failover
/// another Redis answers.
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
