/// How a caller proves who it is.

/// One way to prove who calls. Each is enough alone.
public enum Proof: Hashable, Sendable {
    /// A token, sent by `Authenticate`.
    case token(TokenDigest)
    /// A name in the client certificate: `DNS:…` or `URI:…`.
    case certificate(String)
    /// The user at the other end of a unix socket.
    case user(UInt32)
    /// The unix socket through which the connection came.
    case socket(String)

    /// The name in a certificate, in the form that is compared: in DNS names case does not matter.
    /// - Returns: nil if it is neither `DNS:…` nor `URI:…`.
    public static func certificate(named name: String) -> Proof? {
        guard name.count > 4 else { return nil }
        if name.hasPrefix("DNS:") { return .certificate("DNS:" + name.dropFirst(4).lowercased()) }
        return name.hasPrefix("URI:") ? .certificate(name) : nil
    }
}

extension Proof: CustomStringConvertible {
    /// A word of the callers file.
    public var description: String {
        switch self {
        case .token(let digest): "token=\(digest)"
        case .certificate(let name): "certificate=\(name)"
        case .user(let id): "uid=\(id)"
        case .socket(let path): "socket=\(path)"
        }
    }
}

extension Peer {
    /// The caller's proofs besides a token, in the order of their rank: the first one that is in the callers
    /// file decides.
    var proofs: [Proof] {
        var proofs = alternativeNames.compactMap(Proof.certificate(named:))
        if let userID { proofs.append(.user(userID)) }
        if let socketPath { proofs.append(.socket(socketPath)) }
        return proofs
    }
}
