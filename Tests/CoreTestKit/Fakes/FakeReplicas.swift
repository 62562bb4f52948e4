/// Replicas whose answers a test gives.
public import CouponCore

/// Keeps the question until the test answers it.
public final class FakeReplicas: ReplicaLink {
    /// Gets the answer.
    public weak var delegate: (any ReplicaDelegate)?
    /// Whether a question is in flight.
    public private(set) var isAsked = false
    /// How many questions there were.
    public private(set) var questions = 0

    /// Replicas that were not asked yet.
    public init() {}

    /// Records a question.
    public func ask() {
        precondition(!isAsked, "one question at a time")
        isAsked = true
        questions += 1
    }

    /// Forgets the question.
    public func close() { isAsked = false }

    /// Answers the question in flight.
    public func answer(_ answer: ReplicaAnswer?) {
        precondition(isAsked, "nothing was asked")
        isAsked = false
        delegate?.replicas(self, didAnswer: answer)
    }
}
