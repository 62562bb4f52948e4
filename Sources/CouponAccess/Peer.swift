/// What a connection shows of who is at its other end.

/// Known when the connection is accepted, or after its TLS handshake.
public struct Peer: Hashable, Sendable {
    /// The caller's IP address without port; empty at a unix socket.
    public var address: String
    /// Whether the address is one of this machine, or the connection came through a unix socket.
    public var isLoopback: Bool
    /// The path of the unix socket through which it came; nil if it came by TCP.
    public var socketPath: String?
    /// The user at the other end of a unix socket; nil if the system does not say.
    public var userID: UInt32?
    /// The names in the client certificate that TLS has verified: `DNS:…` and `URI:…`.
    public var alternativeNames: [String]
    /// Whether it came through the listener of admin methods.
    public var isAdminListener: Bool

    /// A peer by TCP without a certificate, unless the properties are set.
    public init(address: String, isLoopback: Bool) {
        self.address = address
        self.isLoopback = isLoopback
        socketPath = nil
        userID = nil
        alternativeNames = []
        isAdminListener = false
    }
}
