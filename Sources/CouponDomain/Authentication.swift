/// To whom a connection belongs, as the daemon answers it.
public struct Authentication: Equatable, Sendable {
    /// The principal's name in the callers file.
    public var principal: String
    /// The names of its roles.
    public var roles: [String]
    /// From when on it is refused; nil if never.
    public var expiresAt: Timestamp?

    /// An answer.
    public init(principal: String, roles: [String], expiresAt: Timestamp? = nil) {
        self.principal = principal
        self.roles = roles
        self.expiresAt = expiresAt
    }
}
