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

    /// A holder.
    public init(
        sequence: Int64, position: Position, requestID: RequestID, rejection: RejectionReason?
    ) {
        self.sequence = sequence
        self.position = position
        self.requestID = requestID
        self.rejection = rejection
    }

    /// Whether a slot of the coupon is taken by this user.
    public var hasSlot: Bool { rejection == nil || rejection == .deadLetter }
}
