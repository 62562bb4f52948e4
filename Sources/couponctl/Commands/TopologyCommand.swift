internal import ArgumentParser
internal import CouponClient
internal import CouponCore

/// Which Redis serves which partitions.
struct TopologyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topology",
        abstract: "Shows which Redis serves which partitions, as the daemon knows it.",
        discussion: """
            A term rises with every failover. Another daemon may know more; each reads the topology \
            once a second, and after every sign of a change.
            """)

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        try await global.withClient(reading: true) { client in
            let report = try await client.topology()
            try Output.show(report.json, report.lines, json: global.json)
        }
    }
}

extension TopologyReport {
    /// One JSON document.
    var json: JSONValue {
        .object([
            ("kind", .string("\(kind)".uppercased())), ("epoch", .integer(Int64(clamping: epoch))),
            ("nodes", .array(nodes.map(\.json))), ("more_nodes", .integer(Int64(moreNodes))),
            ("trouble", .string(trouble ?? "")),
        ])
    }

    /// A table of the nodes, and what is wrong.
    var lines: [String] {
        let table = Table(
            header: ["NODE", "ADDRESS", "TERM", "PARTITIONS", "WHICH"],
            rows: nodes.map { node in
                [
                    node.id, node.address, "\(node.term)", "\(node.partitions.count)",
                    node.partitions.isEmpty ? "-" : node.ranges,
                ]
            })
        var lines = table.lines
        if moreNodes > 0 { lines.append("and \(moreNodes) more") }
        if let trouble { lines.append("the last reading failed: \(trouble)".safeForTerminal) }
        return lines
    }
}

extension TopologyReport.Node {
    fileprivate var json: JSONValue {
        .object([
            ("id", .string(id)), ("address", .string(address)),
            ("term", .integer(Int64(clamping: term))),
            ("partitions", .array(partitions.map { .integer(Int64($0.rawValue)) })),
        ])
    }

    /// The partitions in the shortest form, such as `0-3,7`.
    var ranges: String {
        var ranges: [ClosedRange<Int>] = []
        for partition in partitions.map(\.rawValue) {
            if let last = ranges.last, last.upperBound + 1 == partition {
                ranges[ranges.count - 1] = last.lowerBound...partition
            } else {
                ranges.append(partition...partition)
            }
        }
        return ranges.map {
            $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
        }
        .joined(separator: ",")
    }
}
