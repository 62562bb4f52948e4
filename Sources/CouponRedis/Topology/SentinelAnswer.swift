/// What a sentinel says of a master.
internal import CouponCore

/// Answers to three commands in one pipeline. During a failover a sentinel may name the new address before
/// SENTINEL MASTER does, and the new config epoch before the new address. So the address is asked twice,
/// around the config epoch, and must not have changed.
struct SentinelAnswer {
    /// The master that this sentinel knows, with its config epoch as the term.
    let topology: Topology
    /// How many sentinels watch the master, as this one knows, itself included.
    let sentinels: Int

    static func commands(_ name: String) -> [Command] {
        let address = Command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
        return [address, Command("SENTINEL", "MASTER", name), address]
    }

    /// - Parameters:
    ///   - replies: to `commands`, in order.
    ///   - name: of the master.
    init(_ replies: [Reply], master name: String, _ map: AddressMap) throws(TopologyFlaw) {
        for case .error(let text) in replies { throw Self.flaw(text, name) }
        guard replies.count == 3 else {
            throw TopologyFlaw("does not answer as a sentinel does")
        }
        if case .none = replies[0] { throw Self.unknown(name) }
        guard let address = Self.address(replies[0]),
            let term = Self.number("config-epoch", replies[1])
        else {
            throw TopologyFlaw("does not answer as a sentinel does")
        }
        guard replies[2] == replies[0] else {
            throw TopologyFlaw("changed the master while it was read")
        }
        topology = Topology(sentinel: name, address: map[address], term: term)
        let others = Self.number("num-other-sentinels", replies[1]) ?? 0
        sentinels = 1 + Int(min(others, 1_000_000))
    }

    /// How many of the answers are a majority of the sentinels.
    /// - Parameter listed: how many sentinels the setting names.
    static func majority(of answers: [SentinelAnswer], listed: Int) -> Int {
        max(listed, answers.lazy.map(\.sentinels).max() ?? 0) / 2 + 1
    }

    /// The master of the highest term; nil until a majority has answered. A failover needs the votes of a
    /// majority that knows the failover before it, so this answer is at most one failover old (rule 50).
    static func latest(of answers: [SentinelAnswer], listed: Int) -> Topology? {
        guard answers.count >= majority(of: answers, listed: listed) else { return nil }
        return answers.map(\.topology).max { $0.epoch < $1.epoch }
    }

    /// Why the answers give no topology, for people.
    static func complaint(about answers: [SentinelAnswer], listed: Int) -> String {
        let needed = majority(of: answers, listed: listed)
        if needed > listed {
            return
                "redis names \(listed) of the sentinels, and a majority is \(needed): name them all"
        }
        if let latest = latest(of: answers, listed: listed) {
            return "the sentinels have an old view, of epoch \(latest.epoch)"
        }
        return "\(answers.count) of the sentinels answered, and a majority is \(needed)"
    }

    private static func flaw(_ text: String, _ name: String) -> TopologyFlaw {
        if text.contains("No such master") { return unknown(name) }
        if text.contains("unknown command") {
            return TopologyFlaw(
                "is not a sentinel: sentinel: needs the addresses of sentinels, whose usual port is "
                    + "26379")
        }
        return TopologyFlaw("refuses: \(ErrorReply.refusal(text) ?? text)")
    }

    private static func unknown(_ name: String) -> TopologyFlaw {
        TopologyFlaw(
            "watches no master with the name \(name): SENTINEL MASTERS lists those that it watches")
    }

    private static func address(_ reply: Reply) -> RedisAddress? {
        guard let words = reply.elements, words.count == 2, let host = words[0].text,
            !host.isEmpty, let port = words[1].text.flatMap({ Int($0) }),
            (1...65_535).contains(port)
        else { return nil }
        return .tcp(host: host, port: port)
    }

    private static func number(_ field: String, _ reply: Reply) -> UInt64? {
        guard let words = reply.elements else { return nil }
        for index in stride(from: 0, to: words.count - 1, by: 2) where words[index].text == field {
            return words[index + 1].text.flatMap { UInt64($0) }
        }
        return nil
    }
}
