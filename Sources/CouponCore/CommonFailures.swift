/// Errors that several parts of the daemon answer with, each in one wording.
extension Failure {
    /// The partition's gate takes no requests, or is not the one that PostgreSQL knows.
    static let gateNotOpen = unavailable("the gate is not open yet")

    /// Why nothing begins any more, for people.
    public static let drainReason = "the daemon is shutting down"

    /// The answer to what comes after the drain has begun.
    public static let draining = unavailable("\(drainReason): ask another one")

    /// The answer to what the end of the drain cuts off.
    public static func cutOff(acceptance: Acceptance) -> Failure {
        unavailable(drainReason, acceptance: acceptance)
    }
}
