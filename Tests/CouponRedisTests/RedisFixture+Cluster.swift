/// A private cluster of one node, and short forms of calls that fail for each partition alone.
internal import CouponCore
internal import TestSupport

@testable internal import CouponRedis

extension RedisFixture {
    /// A Redis that is a cluster of one node.
    static func cluster() async throws -> RedisFixture {
        // By default the bus uses a port 10,000 higher, which may not exist.
        let fixture = try await RedisFixture([
            "--cluster-enabled", "yes", "--cluster-port", String(try freePort()),
        ])
        try await fixture.server.cli("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        try await fixture.untilServing()
        return fixture
    }

    /// Waits until the cluster serves, which takes a while after a start.
    func untilServing() async throws {
        try await eventually("the cluster is up") {
            try await server.cli("CLUSTER", "INFO").contains("cluster_state:ok")
        }
    }
}

extension RedisGateControl {
    /// The views of a heartbeat.
    func heartbeatViews(_ rows: [PartitionRow]) throws(BackendError) -> [GateView?] {
        var views: [GateView?] = []
        for result in heartbeat(rows) { views.append(try result.get()) }
        return views
    }
}
