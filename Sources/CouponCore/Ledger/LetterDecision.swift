/// How the decision on a dead letter ended.
public enum LetterDecision: Equatable, Sendable {
    /// Committed, now or before.
    case decided(DeadLetter)
    /// There is no such letter.
    case missing
    /// The decision is not possible; the text says why. Nothing changed.
    case refused(String)
}
