/// All principals, and how each proves who it is.
public import CouponDomain

/// Read-only, and shared by all event loops: a reload makes another one.
public final class Callers: Sendable {
    /// Whether a callers file says who may call.
    public let areConfigured: Bool
    /// What callers may do if they prove nothing.
    public let anonymous: Principal
    let principals: [Principal]
    private let names: Set<String>
    let known: [Proof: Int]

    /// Without a callers file everybody may issue and read.
    public init() {
        areConfigured = false
        anonymous = .anonymous([.issuer, .reader])
        principals = []
        names = []
        known = [:]
    }

    /// Without a line `anonymous`, callers who prove nothing may do nothing.
    public init(_ file: CallersFile) {
        areConfigured = true
        principals = file.entries.map(\.principal)
        names = Set(principals.map(\.name))
        anonymous = principals.first(where: \.isAnonymous) ?? .anonymous([])
        var known: [Proof: Int] = [:]
        for (index, entry) in file.entries.enumerated() {
            for proof in entry.proofs { known[proof] = index }
        }
        self.known = known
    }

    /// Whether the file names a principal, or it is `anonymous`.
    public func contains(_ name: String) -> Bool {
        name == anonymous.name || names.contains(name)
    }

    /// How many principals the file names.
    public var count: Int { principals.count }

    /// The principal that a token proves; nil if it proves none.
    public func principal(provedBy token: TokenDigest) -> Principal? {
        known[.token(token)].map { principals[$0] }
    }

    /// The principal that a connection proves without a token: by its certificate, else by its user, else by
    /// its unix socket; else `anonymous`.
    public func principal(of peer: Peer) -> Principal {
        for proof in peer.proofs {
            if let index = known[proof] { return principals[index] }
        }
        return anonymous
    }

    /// The principal of a new connection: the same, unless that principal has expired. Then the caller is
    /// anonymous, and may still authenticate by a token.
    public func principal(of peer: Peer, at now: Timestamp) -> Principal {
        let proved = principal(of: peer)
        return proved.hasExpired(at: now) ? anonymous : proved
    }
}
