/// A node of a cluster knows its own term, and compares it with a row's (rule 50).
internal import CouponCore
internal import Logging
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

@Suite struct RedisTermTests {
    /// A cluster of one node.
    private func node(term: UInt64) async throws -> RedisFixture {
        // By default the bus uses a port 10,000 higher, which may not exist.
        let bus = try freePort()
        let fixture = try await RedisFixture([
            "--cluster-enabled", "yes", "--cluster-port", String(bus),
        ])
        try await fixture.server.cli("CLUSTER", "SET-CONFIG-EPOCH", String(term))
        try await fixture.server.cli("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        try await eventually("the cluster is up") {
            try await fixture.server.cli("CLUSTER", "INFO").contains("cluster_state:ok")
        }
        return fixture
    }

    private func row(_ fixture: RedisFixture, epoch: Epoch, term: UInt64) throws -> PartitionRow {
        PartitionRow(
            id: partition, epoch: epoch, cursor: .zero, identity: try fixture.control.identity(),
            redisTerm: term, installID: "install")
    }

    @Test func `a node's term is its config epoch, and a single Redis has none`() async throws {
        let (node, single) = (try await node(term: 5), try await RedisFixture())
        #expect(try node.control.state(of: .single).term == 5)
        #expect(try single.control.state(of: .single).term == 0)
    }

    @Test func `a node fences and opens only in its own term`() async throws {
        let fixture = try await node(term: 5)
        let control = fixture.control
        for term: UInt64 in [4, 6, 55] {
            #expect(try !control.fence(row(fixture, epoch: 1, term: term)), "\(term)")
        }
        #expect(try fixture.view().status == .missing)
        #expect(try control.fence(row(fixture, epoch: 1, term: 5)))
        for term: UInt64 in [4, 6, 55] {
            #expect(
                try !control.open(row(fixture, epoch: 1, term: term), counted: .zero), "\(term)")
        }
        #expect(try fixture.view().status == .fenced)
        #expect(try control.open(row(fixture, epoch: 1, term: 5), counted: .zero))
        #expect(try fixture.view().status == .open)
    }

    /// A real failover: the replica has the gate, and a higher term.
    @Test func `a promoted replica has a higher term, and is not fenced with the old one`()
        async throws
    {
        let cluster = try await RedisCluster()
        let slot = HashSlot(of: partition).rawValue
        let old = try #require(try await cluster.master(ofSlot: slot))
        let index = try #require(cluster.nodes.firstIndex { $0 === old })
        let replica = cluster.nodes[cluster.masters + index]
        let (before, after) = (control(old), control(replica))
        let state = try before.state(of: .single)
        func row(_ epoch: Epoch, _ node: RedisNodeState) -> PartitionRow {
            PartitionRow(
                id: partition, epoch: epoch, cursor: .zero, identity: node.identity,
                redisTerm: node.term, installID: "install")
        }
        #expect(try before.fence(row(1, state)) && before.open(row(1, state), counted: .zero))
        try await eventually("the replica takes over") {
            let copy = try await replica.cli("INFO", "replication")
            if copy.contains("role:master") { return true }
            _ = try await replica.cli("CLUSTER", "FAILOVER")
            return false
        }
        let promoted = try after.state(of: .single)
        #expect(promoted.term > state.term && promoted.identity != state.identity)
        let view = try after.read(partition, after: .zero, upTo: nil, maximumRequests: 1)
        #expect(view.status == .open && view.epoch == 1, "the copy of the old gate")
        let older = RedisNodeState(identity: promoted.identity, term: state.term)
        #expect(try !after.fence(row(2, older)))
        #expect(try after.fence(row(2, promoted)))
        #expect(try after.open(row(2, promoted), counted: .zero))
        try await eventually("the old master knows") {
            try await old.cli("INFO", "replication").contains("role:slave")
        }
        #expect(throws: BackendError.self) { try before.state(of: .single) }
    }

    private func control(_ server: RedisServer) -> RedisGateControl {
        RedisGateControl(
            options: RedisOptions(address: .unix(path: server.socket)),
            logger: Logger(label: "test"))
    }

    @Test func `a Redis outside a cluster compares no terms`() async throws {
        // The term of a master that Sentinel watches is Sentinel's.
        let fixture = try await RedisFixture()
        #expect(try fixture.control.fence(row(fixture, epoch: 1, term: 7)))
        #expect(try fixture.control.open(row(fixture, epoch: 1, term: 7), counted: .zero))
        #expect(try fixture.view().status == .open)
    }

    @Test func `rows without a term, of an earlier version, are served`() async throws {
        let fixture = try await node(term: 5)
        #expect(try fixture.control.fence(row(fixture, epoch: 1, term: 0)))
        #expect(try fixture.control.open(row(fixture, epoch: 1, term: 0), counted: .zero))
    }
}
