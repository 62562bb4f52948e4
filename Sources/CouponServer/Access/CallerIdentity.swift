/// Who a connection belongs to, as far as it is proved.
internal import CouponAccess
internal import CouponCore

struct CallerIdentity {
    private(set) var peer: Peer
    private(set) var principal: Principal
    /// The token by which the connection authenticated; nil if it did not.
    private var token: TokenDigest?
    /// When the caller's certificate ends; nil if it has shown none.
    private let certificateEnd: Timestamp?

    /// - Parameters:
    ///   - peer: what the connection shows when it is accepted, or after its TLS handshake.
    ///   - certificateEnd: when the caller's certificate ends; nil if it has shown none.
    init(_ peer: Peer, _ callers: Callers, now: Timestamp, certificateEnd: Timestamp? = nil) {
        self.peer = peer
        self.certificateEnd = certificateEnd
        principal = callers.principal(of: peer, at: now)
    }

    /// Nobody, before a connection is accepted.
    static let unknown = CallerIdentity(
        Peer(address: "", isLoopback: false), principal: .anonymous([]))

    private init(_ peer: Peer, principal: Principal) {
        self.peer = peer
        self.principal = principal
        certificateEnd = nil
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

    /// Why the connection must end now, because its principal or its certificate has expired; nil if it may
    /// go on.
    func expiry(at now: Timestamp) -> AccessRefusal? {
        if principal.hasExpired(at: now) { return .expired(principal) }
        if let certificateEnd, certificateEnd < now { return .expiredCertificate }
        return nil
    }

    /// Whether it may do nothing before it authenticates.
    var isStranger: Bool { principal.roles.isEmpty }

    /// The longest frame that it may send.
    /// - Parameter longest: that of callers who are known.
    func longestFrame(of longest: Int) -> Int {
        isStranger ? min(longest, Limits.strangersFrameBytes) : longest
    }

    /// How many of its requests may be unanswered.
    var requestsInFlight: Int { isStranger ? 1 : Limits.requestsInFlightPerConnection }

    /// Where its caller is: an IP address, or `unix:` and the path of the socket.
    var address: String { peer.socketPath.map { "unix:" + $0 } ?? peer.address }
}
