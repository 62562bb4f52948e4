/// One line of the callers file: a principal's name and its fields.
internal import CouponDomain

struct CallersLine {
    private(set) var principal: Principal
    private(set) var proofs: [Proof] = []
    private(set) var problems: [String] = []
    private var keys: Set<Substring> = []

    private static let knownKeys = [
        "roles", "token", "certificate", "socket", "uid", "coupons", "rate", "user-rate",
        "connections", "expires",
    ]
    /// The keys that a line may have more than once.
    private static let repeatedKeys: Set<Substring> = ["token", "certificate", "socket", "uid"]

    init(name: String) { principal = Principal(name: name, roles: []) }

    /// The text as a principal's name; nil if it may not be one.
    static func name(_ text: some StringProtocol) -> String? {
        let name = String(text)
        return name.wholeMatch(of: /[A-Za-z0-9._-]{1,64}/) == nil ? nil : name
    }

    mutating func report(_ problem: String) { problems.append(problem) }

    /// Reads a word that must be `key=value`.
    mutating func read(_ word: Substring) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, Self.knownKeys.contains(String(parts[0])) else {
            // The word may be a token in the wrong place, and no error text may show a token.
            let isName = parts[0].wholeMatch(of: /[a-z-]{1,24}/) != nil
            return report(
                (isName ? "\(parts[0]) is" : "a word is")
                    + " not a field: write key=value, with one of "
                    + Self.knownKeys.joined(separator: ", "))
        }
        let (key, value) = (parts[0], parts[1])
        if !keys.insert(key).inserted, !Self.repeatedKeys.contains(key) {
            return report("\(key) is there twice")
        }
        if let expectation = apply(key, value) { report("\(key) must be \(expectation)") }
    }

    /// - Returns: what the value must be, for the error text; nil if the value is good.
    private mutating func apply(_ key: Substring, _ value: Substring) -> String? {
        switch key {
        case "roles": return applyRoles(value)
        case "token":
            guard let digest = TokenDigest(value) else {
                return "sha256: and 64 hexadecimal digits, as couponctl caller writes it; a token "
                    + "itself does not belong in this file"
            }
            proofs.append(.token(digest))
        case "certificate":
            guard let proof = Proof.certificate(named: String(value)) else {
                return "DNS:name or URI:name, a subject alternative name of the client certificate"
            }
            proofs.append(proof)
        case "socket":
            guard value.hasPrefix("/"), value.utf8.count <= SocketPath.limit else {
                return "the absolute path of a unix socket, with at most \(SocketPath.limit) bytes"
            }
            proofs.append(.socket(String(value)))
        case "uid":
            guard let id = UInt32(value), id != Peer.unknownUser else {
                return "the number of a user of this machine; \(Peer.unknownUser) stands for every "
                    + "user that the daemon cannot see"
            }
            proofs.append(.user(id))
        default: return applyLimit(key, value)
        }
        return nil
    }

    private mutating func applyRoles(_ value: Substring) -> String? {
        for name in value.split(separator: ",", omittingEmptySubsequences: false) {
            guard let role = Roles(name: name) else {
                return
                    "one or more of \(Roles.allNames.joined(separator: ", ")), with commas between"
            }
            principal.roles.insert(role)
        }
        return nil
    }

    private mutating func applyLimit(_ key: Substring, _ value: Substring) -> String? {
        switch key {
        case "coupons":
            principal.coupons = CouponRanges(value)
            return principal.coupons == nil
                ? "positive ids and ranges with commas between, such as 1-1000,2001" : nil
        case "expires":
            principal.expiresAt = Timestamp(rfc3339: String(value))
            return principal.expiresAt == nil ? "a time such as 2027-01-01T00:00:00Z" : nil
        default:
            guard let number = Int(value), (1...1_000_000_000).contains(number) else {
                return "a whole number from 1 to 1000000000"
            }
            switch key {
            case "rate": principal.requestsPerSecond = number
            case "user-rate": principal.requestsPerSecondOfUser = number
            default: principal.connections = number
            }
            return nil
        }
    }

    /// Finds the mistakes that show only when all fields of the line are read.
    mutating func check() {
        if principal.name == Principal.adminTokenName {
            report("\(principal.name) stands for callers with the admin token: use another name")
        }
        if !keys.contains("roles") {
            report("roles is missing: add roles=… with \(Roles.allNames.joined(separator: ", "))")
        }
        let tokens = proofs.count { if case .token = $0 { true } else { false } }
        if tokens > CallersFile.maximumTokens {
            report(
                "more than \(CallersFile.maximumTokens) tokens: remove the oldest, the first one")
        }
        if principal.isAnonymous {
            if principal.expiresAt != nil {
                report("anonymous cannot expire: every connection begins as anonymous")
            }
            if principal.connections != nil {
                report(
                    "anonymous cannot have connections: every connection begins as anonymous; use "
                        + "max-connections-per-address")
            }
            if !proofs.isEmpty {
                report("anonymous stands for callers who prove nothing: remove \(proofs[0].key)")
            }
        } else if keys.isDisjoint(with: Self.repeatedKeys) {
            report(
                "nothing proves that a caller is \(principal.name): add "
                    + "token, certificate, socket or uid")
        }
    }
}
