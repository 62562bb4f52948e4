/// Who a connection belongs to, as far as it is proved.
internal import CouponAccess
internal import CouponCore

struct CallerIdentity {
    private(set) var peer: Peer
    private(set) var principal: Principal
    /// By which the connection authenticated; nil if it did not.
    private var token: TokenDigest?

    /// - Parameter peer: what the connection shows when it is accepted, or after its TLS handshake.
    init(_ peer: Peer, _ callers: Callers, now: Timestamp) {
        self.peer = peer
        principal = callers.principal(of: peer, at: now)
    }

    /// Nobody, before a connection is accepted.
    static let unknown = CallerIdentity(
        Peer(address: "", isLoopback: false), principal: .anonymous([]))

    private init(_ peer: Peer, principal: Principal) {
        self.peer = peer
        self.principal = principal
    }

    /// The connection belongs to the token's principal from now on.
    mutating func authenticate(
        _ text: [UInt8], _ callers: Callers, now: Timestamp
    ) throws(AccessRefusal) {
        let digest = TokenDigest(of: text)
        guard let proved = callers.principal(provedBy: digest) else { throw .unknownToken }
        guard !proved.hasExpired(at: now) else { throw .expired(proved) }
        principal = proved
        token = digest
    }

    /// The callers file was read again. The connection's principal may have other roles and limits now, and a
    /// connection of `anonymous` may belong to a principal.
    mutating func identifyAgain(_ callers: Callers, now: Timestamp) throws(AccessRefusal) {
        let proved: Principal?
        if let token {
            proved = callers.principal(provedBy: token)
        } else if principal.isAnonymous {
            proved = callers.principal(of: peer, at: now)
        } else {
            proved = callers.principal(of: peer)
        }
        guard let proved, proved.name == principal.name || principal.isAnonymous else {
            throw .revoked(principal)
        }
        principal = proved
    }

    /// Where its caller is: an IP address, or `unix:` and the path of the socket.
    var address: String { peer.socketPath.map { "unix:" + $0 } ?? peer.address }
}
