/// Error replies that mean that the command did not run, with a text for people.
///
/// Redis sends these before a script starts. After any other error it is unknown how far the script ran.
enum ErrorReply {
    private static let meanings: [String: String] = [
        "LOADING": "Redis is loading its data",
        "READONLY": "Redis is a replica and accepts no writes",
        "MASTERDOWN": "Redis is a replica that lost its master",
        "CLUSTERDOWN": "the Redis cluster is down",
        "CROSSSLOT": "the keys lie in several slots of the Redis cluster",
        "TRYAGAIN": "the Redis cluster is moving the slot",
        "MOVED": "another node of the Redis cluster has the slot",
        "ASK": "another node of the Redis cluster is taking the slot",
        "OOM": "Redis has reached its maxmemory",
        "NOREPLICAS": "Redis has fewer replicas than min-replicas-to-write",
        "MISCONF": "Redis cannot write its data to disk",
        "BUSY": "Redis is running a long script",
        "NOAUTH": "Redis needs a password",
        "WRONGPASS": "Redis does not accept this password",
        noPermission: "the Redis user lacks a permission",
    ]

    static let noPermission = "NOPERM"

    /// How Redis refuses a command inside a script. The script may have written something before.
    /// Redis 7.0 and later versions say it in different words.
    private static let noPermissionInScript = [
        "The user executing the script can't", "ACL failure in script",
    ]

    /// The first word of an error reply.
    static func code(_ text: String) -> String {
        String(text.prefix { $0 != " " })
    }

    /// Why Redis refused; nil if the command may have run.
    static func refusal(_ text: String) -> String? {
        meanings[code(text)].map { "\($0) (\(text))" }
    }

    /// The name of an error reply in the metric: one of few.
    static func cause(_ text: String) -> String {
        if noPermissionInScript.contains(where: { text.contains($0) }) { return noPermission }
        let code = code(text)
        return meanings[code] == nil ? "OTHER" : code
    }

    /// Whether the node that answered has lost its place in the topology, or is about to.
    static func isTopologyNews(_ text: String) -> Bool {
        ["MOVED", "ASK", "READONLY", "CLUSTERDOWN", "MASTERDOWN"].contains(code(text))
    }

    /// Whether the node answered that it does not have the hash slot. This says nothing of its other slots.
    static func isOfAnotherNode(_ text: String) -> Bool {
        ["MOVED", "ASK"].contains(code(text)) || isOfOneSlot(text)
    }

    /// Whether the node serves nobody because it has lost the other nodes. Another daemon may reach those
    /// (rule 56).
    static func isOfLostNode(_ text: String) -> Bool {
        ["CLUSTERDOWN", "MASTERDOWN"].contains(code(text)) && !isOfOneSlot(text)
    }

    /// No node serves the hash slot; others may be served.
    private static func isOfOneSlot(_ text: String) -> Bool {
        text.hasPrefix("CLUSTERDOWN Hash slot")
    }

    static func isMissingScript(_ text: String) -> Bool { code(text) == "NOSCRIPT" }

    /// Another program wrote a value of another type to the key.
    static func isWrongType(_ text: String) -> Bool { code(text) == "WRONGTYPE" }
}
