/// What a connection shows to Redis, and asks from it, before its first command.

/// Read again for each new connection, so a reload changes it; open connections stay as they are.
public struct RedisCredentials: Sendable {
    /// The password; nil if Redis needs none.
    public var password: String?
    /// How to speak TLS; nil for plain connections.
    public var tls: RedisTLS?

    /// No password and no TLS, unless they are given.
    public init(password: String? = nil, tls: RedisTLS? = nil) {
        self.password = password
        self.tls = tls
    }
}
