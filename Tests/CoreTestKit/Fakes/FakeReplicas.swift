/// Replicas whose answers a test gives.
public import CouponCore

/// Keeps the question until the test answers it.
public final class FakeReplicas: ReplicaLink {
    /// Who hears the answer.
    public weak var delegate: (any ReplicaDelegate)?
    /// Whether a question is under way.
    public private(set) var isAsked = false
    /// How many questions there were.
    public private(set) var questions = 0

    /// Replicas that were not asked yet.
    public init() {}

    /// Notes a question.
    public func ask() {
        precondition(!isAsked, "one question at a time")
        isAsked = true
        questions += 1
    }

    /// Forgets the question.
    public func close() { isAsked = false }

    /// Answers the question under way.
    public func answer(_ answer: ReplicaAnswer?) {
        precondition(isAsked, "nothing was asked")
        isAsked = false
        delegate?.replicas(didAnswer: answer)
    }
}
