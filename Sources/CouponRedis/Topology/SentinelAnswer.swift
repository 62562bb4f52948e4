/// What a sentinel says of a master.
internal import CouponCore

/// Answers to three commands in one pipeline. During a failover a sentinel may name the new address before
/// SENTINEL MASTER does, and the new config epoch before the new address. So the address is asked twice,
/// around the config epoch, and must not have changed.
struct SentinelAnswer {
    static func commands(_ name: String) -> [Command] {
        let address = Command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
        return [address, Command("SENTINEL", "MASTER", name), address]
    }

    /// - Parameters:
    ///   - replies: to `commands`, in order.
    ///   - name: of the master.
    static func topology(
        _ replies: [Reply], master name: String, _ map: AddressMap
    ) throws(TopologyFlaw) -> Topology {
        for case .error(let text) in replies { throw flaw(text, name) }
        guard replies.count == 3 else {
            throw TopologyFlaw("does not answer as a sentinel does")
        }
        if case .none = replies[0] { throw unknown(name) }
        guard let address = address(replies[0]), let term = configEpoch(replies[1]) else {
            throw TopologyFlaw("does not answer as a sentinel does")
        }
        guard replies[2] == replies[0] else {
            throw TopologyFlaw("changed the master while it was read")
        }
        return Topology(sentinel: name, address: map[address], term: term)
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

    private static func configEpoch(_ reply: Reply) -> UInt64? {
        guard let words = reply.elements else { return nil }
        for index in stride(from: 0, to: words.count - 1, by: 2)
        where words[index].text == "config-epoch" {
            return words[index + 1].text.flatMap { UInt64($0) }
        }
        return nil
    }
}
