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

    /// What the kernel shows for a user of another user namespace. With `PrivateUsers=` in its unit, a daemon
    /// sees this for all users except root and its own.
    public static let unknownUser: UInt32 = 65_534

    /// Whether it may be trusted like the administrator of this machine, if no token and no callers file
    /// decide that: it came from this machine by TCP, by a unix socket as root or as the daemon's own user,
    /// or by any unix socket of the listener of admin methods. A proxy that forwards its callers to another
    /// unix socket is another user.
    public func isAdministrator(own: UInt32) -> Bool {
        guard socketPath != nil, !isAdminListener else { return isLoopback }
        return userID == 0 || userID == own
    }

    /// A peer that came by TCP and showed no certificate. The properties can be set for any other.
    public init(address: String, isLoopback: Bool) {
        self.address = address
        self.isLoopback = isLoopback
        socketPath = nil
        userID = nil
        alternativeNames = []
        isAdminListener = false
    }
}
