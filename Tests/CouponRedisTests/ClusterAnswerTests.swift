/// What nodes of a cluster answer, and what the daemon makes of it.
import CouponCore
import Testing

@testable import CouponRedis

private let server = RedisAddress.tcp(host: "10.0.0.9", port: 6_379)
private let identifiers = ["a", "b", "c"].map { String(repeating: $0, count: 40) }

private func text(_ text: String) -> Reply { .bytes(Array(text.utf8)) }

@Suite struct ClusterAnswerTests {
    private static func share(
        _ first: Int64, _ last: Int64, _ host: String, _ id: String
    ) -> Reply {
        .array([
            .integer(first), .integer(last),
            .array([text(host), .integer(17_000), text(id), .array([])]),
            .array([text("10.0.0.7"), .integer(17_000), text("replica"), .array([])]),
        ])
    }

    private let slots = Reply.array([
        share(0, 5_460, "10.0.0.1", identifiers[0]), share(5_461, 10_922, "", identifiers[1]),
        share(10_923, 16_383, "10.0.0.3", identifiers[2]),
    ])
    private let nodes = text(
        """
        \(identifiers[0]) 10.0.0.1:17000@17001 master - 0 1 4 connected 0-5460
        \(identifiers[1]) 10.0.0.2:17000@17001,node-2 myself,master - 0 1 2 connected 5461-10922
        \(identifiers[2]) 10.0.0.3:17000@17001 master,fail - 0 1 3 disconnected 10923-16383
        replica 10.0.0.7:17000@17001 slave \(identifiers[0]) 0 1 4 connected
        """)
    private let info = text(
        "cluster_enabled:1\r\ncluster_current_epoch:7\r\ncluster_my_epoch:2\r\n")

    private func read(
        _ replies: [Reply], _ map: AddressMap = AddressMap()
    ) throws(TopologyFlaw) -> Topology {
        try ClusterAnswer.topology(replies, from: server, map)
    }

    private func flaw(_ replies: [Reply]) -> String? {
        do throws(TopologyFlaw) {
            _ = try read(replies)
            return nil
        } catch {
            return error.text
        }
    }

    @Test func `masters have their slots, their config epochs and their addresses`() throws {
        let topology = try read([slots, nodes, info])
        #expect(topology.kind == .cluster && topology.epoch == 7)
        #expect(topology.nodes.map(\.id.name) == identifiers)
        #expect(topology.nodes.map(\.term) == [4, 2, 3])
        // A node without a host of its own is the node that was asked, at the address that was asked.
        #expect(
            topology.nodes.map { "\($0.address)" }
                == ["10.0.0.1:17000", "10.0.0.9:17000", "10.0.0.3:17000"])
        // Partition 0 is in slot 13907, partition 1 in slot 9842.
        #expect(topology.node(of: PartitionID(0))?.id.name == identifiers[2])
        #expect(topology.node(of: PartitionID(1))?.id.name == identifiers[1])
    }

    @Test func `the address map says where a named address leads`() throws {
        let map = AddressMap([
            .tcp(host: "10.0.0.1", port: 17_000): .tcp(host: "gateway", port: 1),
            .tcp(host: "10.0.0.9", port: 17_000): .tcp(host: "gateway", port: 2),
        ])
        let topology = try read([slots, nodes, info], map)
        #expect(topology.nodes[0].address == .tcp(host: "gateway", port: 1))
        // The address that was asked is one of the daemon's settings, so it is not mapped.
        #expect(topology.nodes[1].address == .tcp(host: "10.0.0.9", port: 17_000))
    }

    @Test func `keys lie where the topology says`() {
        for partition in [0, 1, 63, 1_023].map({ PartitionID($0) }) {
            for key in [Keys.gate(partition), Keys.queue(partition), Keys.events(partition)] {
                #expect(HashSlot(ofKey: key) == HashSlot(of: partition))
            }
        }
    }

    @Test func `answers that do not fit together are refused`() {
        let other = text("\(identifiers[0]) 10.0.0.1:17000@17001 master - 0 1 4 connected 0-5460")
        #expect(flaw([slots, other, info])?.contains("while it was read") == true)
        #expect(flaw([slots, nodes, text("cluster_state:ok")])?.contains("current_epoch") == true)
        #expect(flaw([.array([]), nodes, info])?.contains("is the cluster made?") == true)
        #expect(flaw([slots, nodes]) != nil)
        #expect(flaw([.array([text("a")]), nodes, info])?.contains("CLUSTER SLOTS") == true)
        let unknown = Reply.array([Self.share(0, 16_383, "?", identifiers[0])])
        #expect(flaw([unknown, nodes, info])?.contains("cluster-announce-hostname") == true)
        let tooFar = Reply.array([Self.share(0, 16_384, "a", identifiers[0])])
        #expect(flaw([tooFar, nodes, info]) != nil)
    }

    @Test func `a Redis without cluster mode is named as the mistake`() {
        let answer = Reply.error("ERR This instance has cluster support disabled")
        #expect(flaw([answer, answer, answer])?.contains("cluster-enabled is no") == true)
    }
}
