/// The principal of a connection, as the daemon names it to the caller.
public struct Authentication: Equatable, Sendable {
    /// The principal's name in the callers file.
    public var principal: String
    /// The names of its roles.
    public var roles: [String]
    /// When the principal expires: from then on it is refused. Nil if never.
    public var expiresAt: Timestamp?

    /// An answer.
    public init(principal: String, roles: [String], expiresAt: Timestamp? = nil) {
        self.principal = principal
        self.roles = roles
        self.expiresAt = expiresAt
    }
}
