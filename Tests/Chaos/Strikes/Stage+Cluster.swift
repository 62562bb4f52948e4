/// Faults of a cluster: one of its masters is away or replaced, hash slots move.
internal import CouponCore
internal import HistoryChecker
internal import TestSupport
internal import TestWorld

extension Stage {
    /// Causes the fault at the master of a coupon, waits, and undoes it.
    func cause(_ fault: ClusterFault, at coupon: CouponID, for lasts: Duration) async throws {
        guard let cluster = world.cluster else { return }
        let slot = World.slot(of: coupon)
        let shard = try await cluster.shard(ofSlot: slot)
        switch fault {
        case .masterKilled, .masterRestarted:
            try await losingByFailover(of: shard, in: cluster) {
                try await shard.master.kill()
                try await Task.sleep(for: lasts)
                try await shard.master.restart()
            }
        case .masterStopped:
            try await losingByFailover(of: shard, in: cluster) {
                shard.master.freeze()
                defer { shard.master.thaw() }
                try await Task.sleep(for: lasts)
            }
        case .masterIsolated: try await isolate(shard, in: cluster, for: lasts)
        case .failover:
            try await cluster.failOver(to: shard.replica)
            try await Task.sleep(for: lasts)
            try await cluster.failOver(to: shard.master)
        case .nodeEmptied:
            try await traffic.recorder.losing(.redis, coupons: coupons(of: shard)) {
                try await shard.master.cli("FLUSHALL")
            }
        case .slotMigrated:
            let target = try await otherMaster(than: shard, in: cluster)
            try await cluster.beginMove(of: slot, from: shard.master, to: target)
            try await cluster.moveKeys(of: slot, from: shard.master, to: target, half: true)
            try await Task.sleep(for: lasts)
            try await cluster.endMove(of: slot, from: shard.master, to: target)
        case .slotStolen:
            let target = try await otherMaster(than: shard, in: cluster)
            let hit = Set(traffic.history.offers.keys.filter { World.slot(of: $0) == slot })
            try await traffic.recorder.losing(.redis, coupons: hit) {
                try await cluster.steal(slot: slot, from: shard.master, for: target)
                try await waitUntilAllSee(target, serving: slot, in: cluster)
            }
        }
        try await cluster.waitUntilWhole()
    }

    /// Makes the network between a daemon and the master of a coupon misbehave.
    func disturbNetwork(
        _ kind: NetworkCondition.Kind, between host: DaemonHost, andMasterOf coupon: CouponID,
        for lasts: Duration
    ) async throws {
        guard let shard = try await world.cluster?.shard(ofSlot: World.slot(of: coupon)),
            let proxy = host.proxy(to: shard.master)
        else { return }
        try await disturbNetwork(kind, proxy, for: lasts)
    }

    /// Runs `body`, which stops a master for some time. If its replica replaces it, records a loss that lasts
    /// until the old master follows: the replica may lack acceptances, and answered ones too if answers did
    /// not wait for it.
    private func losingByFailover(
        of shard: RedisCluster.Shard, in cluster: RedisCluster, _ body: () async throws -> Void
    ) async throws {
        let from = traffic.recorder.now
        try await body()
        try await cluster.waitUntilWhole()
        guard try await !cluster.isMaster(shard.master) else { return }
        let loss = Loss(
            of: .redis, at: Interval(from: from, to: traffic.recorder.now),
            coupons: coupons(of: shard), includesAnswered: !waits)
        traffic.recorder.record { $0.losses.append(loss) }
    }

    /// Cuts a master off from the other nodes. Daemons reach it by its unix socket, which is a file. If its
    /// replica replaces it, what it accepted until it noticed may be gone, and nothing else.
    private func isolate(
        _ shard: RedisCluster.Shard, in cluster: RedisCluster, for lasts: Duration
    ) async throws {
        guard let network, let number = cluster.nodes.firstIndex(where: { $0 === shard.master })
        else { return }
        let (from, end) = (traffic.recorder.now, ContinuousClock.now + lasts)
        try await network.cut(number)
        var noticed = from
        do {
            try await eventually("the master notices that it is alone") {
                try await shard.master.cli("CLUSTER", "INFO").contains("cluster_state:fail")
            }
            noticed = traffic.recorder.now
            try await Task.sleep(until: end)
        } catch {
            try await network.join(number)
            throw error
        }
        try await network.join(number)
        try await cluster.waitUntilWhole(within: .seconds(60))
        guard try await !cluster.isMaster(shard.master) else { return }
        let loss = Loss(
            of: .redis, at: Interval(from: from, to: noticed), coupons: coupons(of: shard),
            includesAnswered: !waits, sparesEarlier: true)
        traffic.recorder.record { $0.losses.append(loss) }
    }

    private func otherMaster(
        than shard: RedisCluster.Shard, in cluster: RedisCluster
    ) async throws -> RedisServer {
        let masters = try await cluster.shards().map(\.master)
        guard let other = masters.first(where: { $0 !== shard.master }) else {
            throw Unexpected(what: "the cluster has one master")
        }
        return other
    }

    private func waitUntilAllSee(
        _ master: RedisServer, serving slot: Int, in cluster: RedisCluster
    ) async throws {
        try await eventually("all nodes know who has slot \(slot)") {
            for node in cluster.nodes {
                let shards = try await cluster.shards(seenBy: node)
                guard shards.first(where: { $0.serves(slot) })?.master === master else {
                    return false
                }
            }
            return true
        }
    }

    private func coupons(of shard: RedisCluster.Shard) -> Set<CouponID> {
        Set(traffic.history.offers.keys.filter { shard.serves(World.slot(of: $0)) })
    }
}
