/// A user among a coupon's holders.
public struct GateHolder: Equatable, Sendable {
    /// The sequence of the accepted request.
    public let sequence: Int64
    /// Where it was queued; zero if it was loaded from PostgreSQL.
    public let position: Position
    /// Its request id.
    public let requestID: RequestID
    /// Why it was rejected; nil if it was not.
    public let rejection: RejectionReason?
    /// Whether a slot of the coupon is taken by this user.
    public let hasSlot: Bool

    /// A holder.
    /// - Parameter keepsSlot: whether it was a dead letter, and the gate has yet to take the decision on it.
    public init(
        sequence: Int64, position: Position, requestID: RequestID, rejection: RejectionReason?,
        keepsSlot: Bool = false
    ) {
        self.sequence = sequence
        self.position = position
        self.requestID = requestID
        self.rejection = rejection
        hasSlot = rejection == nil || rejection == .deadLetter || keepsSlot
    }
}
