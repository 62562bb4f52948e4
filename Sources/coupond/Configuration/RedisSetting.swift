/// Where Redis is, as the setting `redis` writes it.
internal import CouponCore
internal import CouponRedis

/// One Redis, or servers that say where it is.
enum RedisSetting: Equatable, Sendable {
    /// A Redis that never moves.
    case single(EndpointSetting)
    /// The servers to ask: sentinels, or nodes of a cluster.
    case seeds(RedisSeeds)

    /// As many servers as a setting may name: the others of a cluster are found through them.
    static let mostServers = 64
}

extension RedisSetting {
    /// The text is not a value.
    struct Mistake: Error, Equatable {
        /// What is wrong, for people; nil if the forms of the setting say enough.
        let text: String?

        init(_ text: String?) { self.text = text }
    }

    /// Reads the text of the setting.
    init(reading text: String) throws(Mistake) {
        if text.hasPrefix("cluster:") {
            let nodes = try Self.servers(text.dropFirst(8), of: "a node of the cluster")
            self = .seeds(.cluster(nodes))
        } else if text.hasPrefix("sentinel:") {
            let words = text.dropFirst(9).split(
                separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
            // The characters that Sentinel admits.
            guard words.count == 2, words[0].wholeMatch(of: /[A-Za-z0-9._-]+/) != nil else {
                throw Mistake(
                    "sentinel: needs the name under which the sentinels watch the master, an @, and "
                        + "their addresses, such as sentinel:sale@10.0.0.1:26379,10.0.0.2:26379")
            }
            self = .seeds(
                .sentinel(
                    name: String(words[0]), at: try Self.servers(words[1], of: "a sentinel")))
        } else if let endpoint = EndpointSetting(text), endpoint.isServer {
            self = .single(endpoint)
        } else if text.contains(","),
            text.split(separator: ",").allSatisfy({ EndpointSetting(String($0))?.isServer == true })
        {
            throw Mistake(
                "it names several servers: write cluster: or sentinel:NAME@ in front of them")
        } else {
            throw Mistake(SocketPath.mistake(in: text))
        }
    }

    /// Addresses, separated by commas.
    private static func servers(
        _ text: Substring, of whom: String
    ) throws(Mistake) -> [RedisAddress] {
        var found: [RedisAddress] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let part = part.withoutOuterSpaces
            guard let endpoint = EndpointSetting(part), case .tcp(let host, let port) = endpoint,
                port > 0
            else {
                // What has an @ may have a password.
                let shown = part.contains("@") ? "a text with an @ (not shown)" : "\"\(part)\""
                throw Mistake("\(shown) is not the address of \(whom), host:port")
            }
            let address = RedisAddress.tcp(host: host, port: port)
            guard !found.contains(address) else { throw Mistake("\(address) is there twice") }
            found.append(address)
        }
        guard found.count <= mostServers else {
            throw Mistake("it names \(found.count) servers, and may name \(mostServers)")
        }
        return found
    }

    /// How many servers there are at least that each worker connects to.
    var nodes: Int {
        if case .seeds(.cluster(let addresses)) = self { max(3, addresses.count) } else { 1 }
    }

    /// Nil if Redis never moves.
    var seeds: RedisSeeds? {
        if case .seeds(let seeds) = self { seeds } else { nil }
    }

    var isCluster: Bool {
        if case .seeds(.cluster) = self { true } else { false }
    }

    /// Nil for a unix socket, and if several hosts are possible.
    var host: String? {
        if case .single(.tcp(let host, _)) = self { host } else { nil }
    }

    var isUnixSocket: Bool {
        if case .single(.unix) = self { true } else { false }
    }
}

extension EndpointSetting {
    /// Whether a server can have this address: port 0 cannot be connected to.
    fileprivate var isServer: Bool {
        if case .tcp(_, port: 0) = self { false } else { true }
    }

    var redisAddress: RedisAddress {
        switch self {
        case .tcp(let host, let port): .tcp(host: host, port: port)
        case .unix(let path): .unix(path: path)
        }
    }
}

extension Form<RedisSetting> {
    static let redis = Form(
        description: "host:port, unix:/path, cluster:host:port,… or sentinel:name@host:port,…",
        mistake: { text in
            do throws(RedisSetting.Mistake) {
                _ = try RedisSetting(reading: text)
                return nil
            } catch {
                return error.text
            }
        }
    ) { text in try? RedisSetting(reading: text) }
}

extension Form<AddressMap> {
    /// Empty for a network without translation.
    static let addressMap = Form(
        description: "pairs host:port=host:port, separated by commas, or nothing"
    ) { text in
        if text.isEmpty { return AddressMap() }
        var pairs: [RedisAddress: RedisAddress] = [:]
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let sides = part.split(separator: "=", omittingEmptySubsequences: false)
                .map { EndpointSetting($0.withoutOuterSpaces) }
            guard sides.count == 2, case .tcp(_, let port)? = sides[0], port > 0,
                case .tcp(_, let otherPort)? = sides[1], otherPort > 0,
                let named = sides[0]?.redisAddress, pairs[named] == nil
            else { return nil }
            pairs[named] = sides[1]?.redisAddress
        }
        return AddressMap(pairs)
    }
}
