/// A committed row: this user has the coupon.
public struct Issue: Equatable, Sendable {
    /// Who has it.
    public let user: UserID
    /// Its sequence, given by the gate.
    public let sequence: Int64
    /// The request that was accepted.
    public let requestID: RequestID
    /// When the gate accepted it.
    public let acceptedAt: Timestamp
    /// When it was committed.
    public let issuedAt: Timestamp

    /// An issue as PostgreSQL has it.
    public init(
        user: UserID, sequence: Int64, requestID: RequestID, acceptedAt: Timestamp,
        issuedAt: Timestamp
    ) {
        self.user = user
        self.sequence = sequence
        self.requestID = requestID
        self.acceptedAt = acceptedAt
        self.issuedAt = issuedAt
    }
}
