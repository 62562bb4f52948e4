/// Which node serves a partition, and which topology may take the place of another.
import Testing

@testable import CouponCore

/// Three masters with a third of the slots each.
private func cluster(epoch: UInt64 = 7, terms: [UInt64] = [1, 2, 3]) -> Topology {
    let ids = ["c", "a", "b"].map { RedisNode.ID($0) }
    let masters = zip(ids, terms).enumerated().map { index, node in
        RedisNode(
            id: node.0, address: .tcp(host: "127.0.0.\(index + 1)", port: 17_000), term: node.1)
    }
    let slots = [(0, 5_460), (5_461, 10_922), (10_923, 16_383)]
    return Topology(
        cluster: epoch, masters: masters,
        slots: zip(slots, ids).compactMap { bounds, id in range(bounds.0, bounds.1, id) })
}

private func range(_ first: Int, _ last: Int, _ id: RedisNode.ID) -> Topology.SlotRange? {
    guard let first = HashSlot(first), let last = HashSlot(last) else { return nil }
    return Topology.SlotRange(first, last, node: id)
}

@Suite struct TopologyTests {
    @Test func `the checksum is the one that the specification of Redis Cluster names`() {
        #expect(HashSlot.crc16(Array("123456789".utf8)) == 0x31C3)
        #expect(HashSlot.crc16([]) == 0)
    }

    /// From the documentation of CLUSTER KEYSLOT and of the specification.
    @Test(arguments: [
        ("foo", 12_182), ("bar", 5_061), ("hello", 866), ("somekey", 11_058),
        ("foo{hash_tag}", 2_515), ("bar{hash_tag}", 2_515), ("{user1000}.following", 3_443),
        ("foo{bar}{zap}", 5_061), ("foo{{bar}}zap", 4_015), ("foo{}{bar}", 8_363),
    ])
    func `a key has the slot of its hash tag`(_ key: String, _ slot: Int) {
        #expect(HashSlot(ofKey: key).rawValue == slot)
    }

    @Test func `an open brace without a close one is part of the key`() {
        #expect(HashSlot(ofKey: "a{") != HashSlot(ofKey: "a"))
        #expect(HashSlot(ofKey: "a{b") != HashSlot(ofKey: "b"))
        #expect(HashSlot(ofKey: "") == HashSlot(0))
    }

    @Test func `the 1,024 partitions have slots of their own`() {
        let slots = (0..<Limits.maximumPartitions).map { HashSlot(of: PartitionID($0)) }
        #expect(Set(slots).count == Limits.maximumPartitions)
    }

    @Test func `a single Redis serves every partition and has term 0`() {
        let topology = Topology(single: .tcp(host: "redis", port: 6_379))
        #expect(topology.nodes.map(\.term) == [0])
        #expect(topology.node(of: PartitionID(0)) == topology.nodes[0])
        #expect(topology.node(of: PartitionID(1_023)) == topology.nodes[0])
        #expect(topology.node(of: PartitionID(1_024)) == nil)
    }

    @Test func `the term of Sentinel's master is the config epoch`() {
        let topology = Topology(sentinel: "sale", address: .tcp(host: "a", port: 1), term: 4)
        #expect(topology.nodes.map(\.term) == [4])
        #expect(topology.node(RedisNode.ID("sale"))?.address == .tcp(host: "a", port: 1))
    }

    @Test func `nodes are in the order of their ids, and slots are theirs`() {
        let topology = cluster()
        #expect(topology.nodes.map(\.id.name) == ["a", "b", "c"])
        // CRC16("0") mod 16384 is 13907, CRC16("1") mod 16384 is 9842.
        #expect(topology.node(of: PartitionID(0))?.id == RedisNode.ID("b"))
        #expect(topology.node(of: PartitionID(1))?.id == RedisNode.ID("a"))
        #expect(topology.nodeIndex(of: PartitionID(1)) == 0)
    }

    @Test func `every partition is on one node`() {
        let (topology, partitioning) = (cluster(), Partitioning(count: 64))
        let found = topology.nodes.flatMap { topology.partitions(of: $0.id, partitioning) }
        #expect(found.sorted() == partitioning.all)
        #expect(topology.partitions(of: RedisNode.ID("x"), partitioning).isEmpty)
    }

    @Test func `a slot that nobody serves has no node`() throws {
        let node = RedisNode(id: RedisNode.ID("a"), address: .tcp(host: "a", port: 1), term: 1)
        let topology = Topology(
            cluster: 1, masters: [node],
            slots: [
                try #require(range(0, 10_000, node.id)),
                try #require(range(10_001, 16_383, RedisNode.ID("gone"))),
            ])
        #expect(topology.node(of: PartitionID(0)) == nil)
        #expect(topology.node(of: PartitionID(1))?.id == node.id)
        #expect(Topology(cluster: 1, masters: [], slots: []).node(of: PartitionID(1)) == nil)
    }

    @Test func `a topology of an earlier epoch or of another kind replaces nothing`() {
        let later = cluster(epoch: 8)
        #expect(later.mayReplace(nil))
        #expect(later.mayReplace(cluster(epoch: 7)))
        #expect(later.mayReplace(later))
        #expect(!cluster(epoch: 7).mayReplace(later))
        #expect(!later.mayReplace(Topology(single: .unix(path: "/redis"))))
    }

    @Test func `addresses are written as in settings`() {
        #expect("\(RedisAddress.tcp(host: "10.0.0.1", port: 1))" == "10.0.0.1:1")
        #expect("\(RedisAddress.tcp(host: "::1", port: 1))" == "[::1]:1")
        #expect("\(RedisAddress.unix(path: "/a"))" == "unix:/a")
    }
}
