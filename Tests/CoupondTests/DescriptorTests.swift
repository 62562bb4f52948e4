import CouponCore
import Testing

@testable import coupond

@Suite struct DescriptorTests {
    private let reserve = Limits.reservedDescriptors(eventLoops: 4)

    @Test func `callers get the descriptors that are left, and no more than configured`() {
        func connections(limit: Int) -> Int {
            Descriptors.connections(wanted: 1_000, limit: limit, reserve: reserve)
        }
        #expect(connections(limit: .max) == 1_000)
        #expect(connections(limit: 1_000 + reserve) == 1_000)
        #expect(connections(limit: 999 + reserve) == 999)
        #expect(connections(limit: 1 + reserve) == 1)
        #expect(connections(limit: reserve) == 0)
        #expect(connections(limit: 0) < 0)
    }

    @Test func `what connections to Redis need is reserved, with TLS and for each master`()
        async throws
    {
        func reserve(_ flags: [String: String], masters: Int = 0) async throws -> Int {
            let nodes = (0..<masters).map { index in
                RedisNode(
                    id: RedisNode.ID("\(index)"), address: .tcp(host: "h", port: index + 1), term: 0
                )
            }
            let topology = masters == 0 ? nil : Topology(cluster: 1, masters: nodes, slots: [])
            return DescriptorNeeds(
                try await Configuration(
                    flags: flags.merging(["event-loops": "2", "partitions": "1024"]) { $1 },
                    environment: [:]), topology
            ).reserve
        }
        let plain = try await reserve(["redis": "127.0.0.1:1"])
        let ca = "/etc/ssl/certs/ca-certificates.crt"
        let tls = try await reserve(
            ["redis": "h:1", "redis-tls": "true", "redis-tls-ca": ca])
        // Each blocking connection needs both ends of a pair of sockets, and so does each parked read.
        #expect(tls - plain >= 2 * (13 + 1_024))
        let seeds = ["redis": "cluster:a:1,b:1,c:1"]
        let three = try await reserve(seeds)
        #expect(try await reserve(seeds, masters: 3) == three)
        // For each further master two event loops have four connections each, and thirteen threads one each.
        #expect(try await reserve(seeds, masters: 12) - three == 9 * (4 * 2 + 13))
    }

    @Test func `raising the limit twice gives the same limit`() {
        let limit = Descriptors.raiseLimit()
        #expect(limit > 0)
        #expect(Descriptors.raiseLimit() == limit)
    }
}
