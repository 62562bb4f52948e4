/// What the daemon does in Redis: the one table behind the line of `coupond acl redis`, the check at the
/// start and the probes of idle connections.
internal import CouponCore

/// The rights that a daemon's user needs.
public struct RedisRights: Equatable, Sendable {
    /// A command with arguments as the daemon uses it, so that keys and channels are checked too. Separated
    /// by spaces; an `x` stands for any value.
    let commands: [String]
    /// The patterns of the channels, as the access list writes them. Redis compares the channel of a
    /// PSUBSCRIBE with them letter by letter.
    let channels: [String]

    /// - Parameters:
    ///   - checkingSettings: whether Redis' settings are checked, so that reading them is needed.
    ///   - waitingForReplicas: whether an acceptance waits for replicas.
    ///   - inCluster: whether Redis is a node of a cluster, and is asked where the others are.
    public init(checkingSettings: Bool, waitingForReplicas: Bool, inCluster: Bool = false) {
        commands =
            Self.always + (checkingSettings ? [Self.readingSettings] : [])
            + (inCluster ? Self.ofCluster : [])
            + (waitingForReplicas ? ["PUBLISH \(Keys.replicas) x", "WAIT 0 0"] : [])
        channels = [Keys.allEvents] + (waitingForReplicas ? [Keys.replicas] : [])
    }

    /// The command that makes the user, or changes it to these rights. It may always read the settings and
    /// the term: a daemon that does not check them asks for them too.
    /// - Parameters:
    ///   - user: its name.
    ///   - password: how the access list writes it: `>` and the password, or `#` and its SHA-256.
    public func accessList(user: String, password: String) -> String {
        let words =
            ["ACL", "SETUSER", user, "reset", "on", password, "~\(Keys.pattern)"]
            + channels.map { "&" + $0 } + ["-@all"]
            + Set((commands + [Self.readingSettings, Self.readingTerms]).map(Self.name)).sorted()
        return words.joined(separator: " ")
    }

    /// As the access list writes a command: `+get`, `+client|kill`.
    private static func name(_ command: String) -> String {
        let words = command.lowercased().split(separator: " ")
        return "+" + words.prefix(containers.contains(words[0]) ? 2 : 1).joined(separator: "|")
    }

    /// Commands whose first argument is the name of a command as well.
    private static let containers: Set<Substring> = [
        "client", "cluster", "config", "script", "xinfo",
    ]

    private static let readingSettings = "CONFIG GET appendonly"
    private static let readingTerms = "CLUSTER INFO"

    private static let ofCluster = [
        readingTerms, "CLUSTER SLOTS", "CLUSTER NODES", "SPUBLISH \(Keys.events(PartitionID(0))) x",
        "SSUBSCRIBE \(Keys.events(PartitionID(0)))",
    ]

    private static let always: [String] = {
        let (partition, epoch, coupon) = (PartitionID(0), Epoch(1), CouponID(1))
        let (gate, queue) = (Keys.gate(partition), Keys.queue(partition))
        let holders = Keys.holders(coupon, partition, epoch)
        let staged = Keys.staged(coupon, partition, epoch)
        let (index, epochs) = (Keys.coupons(partition, epoch), Keys.epochs(partition))
        return [
            "GET \(gate)", "MGET \(gate)", "MSET \(gate) x", "SET \(gate) x", "EXISTS \(gate)",
            "TYPE \(gate)", "UNLINK \(gate)", "RENAME \(staged) \(holders)", "HGET \(holders) x",
            "HMGET \(holders) x", "HLEN \(holders)", "HSET \(holders) x x", "HSCAN \(holders) 0",
            "SADD \(epochs) 1", "SMEMBERS \(epochs)", "SREM \(epochs) 1", "ZADD \(index) 1 1",
            "ZRANGE \(index) 0 1", "ZREM \(index) 1", "ZSCAN \(index) 0", "XADD \(queue) 1-1 e x",
            "XTRIM \(queue) MINID 1-1", "XINFO STREAM \(queue)", "XRANGE \(queue) - +",
            "XREVRANGE \(queue) + -", "XREAD STREAMS \(queue) 0-0",
            "PUBLISH \(Keys.events(partition)) x", "PSUBSCRIBE \(Keys.allEvents)", "CLIENT ID",
            "CLIENT KILL ID 1", "SCRIPT LOAD x", "EVALSHA 0 0", "INFO", "PING", "TIME",
        ]
    }()
}

extension RedisOptions {
    /// The rights that a daemon with these options needs.
    public var rights: RedisRights {
        RedisRights(
            checkingSettings: !allowUnsafeSettings, waitingForReplicas: waitsForReplicas,
            inCluster: topology?.isOfCluster ?? false)
    }
}

extension Command {
    /// A call of rights.lua.
    /// - Parameter digest: the name that SCRIPT LOAD gave to it.
    init(askingFor rights: RedisRights, digest: String) {
        self.init(argumentCount: 3 + rights.commands.count, capacity: 2_048)
        append("EVALSHA")
        append(digest)
        append("0")
        for command in rights.commands { append(command) }
    }
}
