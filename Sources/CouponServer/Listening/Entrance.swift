/// The way by which a caller comes in, and what that shows of the caller.
internal import CouponAccess
internal import CouponCore
internal import Glibc
internal import NIOCore
internal import NIOPosix

struct Entrance: Sendable {
    /// The path of a unix socket; nil for TCP.
    var socketPath: String?
    /// Whether admin methods are served here although they have a listener of their own.
    let isAdmin: Bool

    /// The caller of a connection that has been accepted; names of a certificate follow.
    /// - Parameter source: its IP address, if a proxy has named it. Such a caller is never on this machine.
    func peer(of channel: any Channel, source: String?) -> Peer {
        let isLoopback = socketPath != nil || channel.remoteAddress?.isLoopback ?? false
        let own = socketPath == nil ? address(of: channel) : ""
        var peer = Peer(address: source ?? own, isLoopback: source == nil && isLoopback)
        peer.socketPath = socketPath
        peer.userID = socketPath == nil ? nil : Self.userID(of: channel)
        peer.isAdminListener = isAdmin
        return peer
    }

    /// Where the connection comes from, as the log names it: an IP address, or the unix socket.
    func address(of channel: any Channel) -> String {
        if let socketPath { return "unix:" + socketPath }
        return String((channel.remoteAddress?.ipAddress ?? "").trimmingPrefix("::ffff:"))
    }

    /// The user at the other end of a unix socket.
    private static func userID(of channel: any Channel) -> UInt32? {
        guard let provider = channel as? any SocketOptionProvider else { return nil }
        let credentials: EventLoopFuture<PeerCredentials> = provider.unsafeGetSocketOption(
            level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
        var userID: UInt32?
        // On the channel's own loop the answer is there at once.
        credentials.assumeIsolated().whenSuccess { userID = $0.userID }
        return userID
    }
}

/// `struct ucred` of Linux.
private struct PeerCredentials: Sendable {
    var processID: Int32
    var userID: UInt32
    var groupID: UInt32
}

extension SocketAddress {
    fileprivate var isLoopback: Bool {
        switch self {
        case .unixDomainSocket: true
        // A listener at [::] sees callers of IPv4 by mapped addresses.
        default:
            ipAddress.flatMap { IPAddress($0) }?.isLoopback ?? false
        }
    }
}
