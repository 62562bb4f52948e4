/// What `INFO` and `CONFIG GET` say of a Redis: its identity, and whether it keeps promise 3.
///
/// Checked on every connect, because a promoted replica has settings of its own, and each second, because
/// CONFIG SET breaks no connection (rule 15).
internal import CouponCore

struct RedisServerInfo {
    /// Nil if INFO has none.
    let identity: RedisIdentity?
    /// Whether another Redis is its master, so it accepts no writes.
    let isReplica: Bool
    /// Whether it is a node of a cluster, and so has a term of its own.
    let isOfCluster: Bool
    /// Settings that break promise 3, as text for people.
    let unsafeSettings: [String]
    /// What breaks promise 3 now and may pass by itself, as text for people.
    let troubles: [String]

    /// Everything that breaks promise 3.
    var complaints: [String] { unsafeSettings + troubles }

    /// Why it must not be used. What may pass by itself is no fault of its settings.
    var fault: RedisFault {
        let text = complaints.joined(separator: "; ")
        return unsafeSettings.isEmpty
            ? .refused(Self.cannotStore + text) : .unsafeSettings(text)
    }

    private static let cannotStore = "Redis cannot store data safely: "

    /// The name in the metric of refusals for the text of such a fault; nil for another text.
    static func cause(of text: String) -> String? {
        if text.hasPrefix(RedisFault.unsafeSettings("").text) { return "UNSAFE" }
        // Redis itself uses this word for a disk that is full.
        return text.hasPrefix(cannotStore) ? "MISCONF" : nil
    }

    static let infoCommand = Command("INFO", "server", "replication", "persistence", "cluster")
    static let clusterCommand = Command("CLUSTER", "INFO")
    static let configCommand = Command(
        "CONFIG", "GET", "appendonly", "appendfsync", "no-appendfsync-on-rewrite",
        "maxmemory-policy", "min-replicas-to-write")

    /// The settings that promise 3 needs, as redis.conf has them.
    private static let demands = [
        ("appendonly", "yes"), ("appendfsync", "always"), ("no-appendfsync-on-rewrite", "no"),
        ("maxmemory-policy", "noeviction"),
    ]

    /// - Parameters:
    ///   - info: the reply to `infoCommand`.
    ///   - config: the reply to `configCommand`; an error if Redis refuses it.
    ///   - demandsReplicas: whether it must refuse writes while no replica follows it.
    init(info: Reply, config: Reply, demandsReplicas: Bool = false) {
        let facts = Self.parse(info: info.text ?? "")
        if let runID = facts["run_id"], let replicationID = facts["master_replid"] {
            identity = RedisIdentity(runID: runID, replicationID: replicationID)
        } else {
            identity = nil
        }
        isReplica = facts["role"] == "slave"
        isOfCluster = facts["cluster_enabled"] == "1"
        var found: [String] = []
        if let settings = Self.parse(config: config) {
            for (name, wanted) in Self.demands where settings[name] != wanted {
                found.append("\(name) is \(settings[name] ?? "unknown"), must be \(wanted)")
            }
            let replicas = settings["min-replicas-to-write"] ?? "unknown"
            if demandsReplicas, Int(replicas) ?? 0 < 1 {
                found.append(
                    "min-replicas-to-write is \(replicas), must be 1 or more with Sentinel, on the "
                        + "master and on its replicas")
            }
        } else {
            found.append("CONFIG GET is refused, so durability cannot be checked")
        }
        unsafeSettings = found
        let status = facts["aof_last_write_status"] ?? "ok"
        troubles =
            status == "ok" ? [] : ["aof_last_write_status is \(status): the disk may be full"]
    }

    /// The term in the reply to `clusterCommand`: the config epoch of the node; nil if it has none.
    static func term(_ reply: Reply) -> UInt64? {
        parse(info: reply.text ?? "")["cluster_my_epoch"].flatMap { UInt64($0) }
    }

    private static func parse(info: String) -> [Substring: String] {
        var facts: [Substring: String] = [:]
        // Splits bytes, not characters: a scheduler reads this four times a second.
        for line in info.utf8.split(whereSeparator: { $0 == 0x0D || $0 == 0x0A }) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            facts[Substring(line[..<colon])] = String(Substring(line[colon...].dropFirst()))
        }
        return facts
    }

    private static func parse(config: Reply) -> [String: String]? {
        guard let elements = config.elements else { return nil }
        var settings: [String: String] = [:]
        for index in stride(from: 0, to: elements.count - 1, by: 2) {
            if let name = elements[index].text { settings[name] = elements[index + 1].text }
        }
        return settings
    }
}
