/// How to reach Redis, as the settings say.
internal import CouponCore
internal import CouponRedis
internal import Logging

extension RedisOptions {
    /// `--check-config=connect` uses these too.
    init(
        _ configuration: Configuration, _ access: RedisAccess,
        countRefusal: @escaping @Sendable (String) -> Void = { _ in },
        countLoss: @escaping @Sendable () -> Void = {}, logger: Logger
    ) {
        switch configuration.redis {
        case .single(let endpoint): self.init(address: endpoint.redisAddress)
        case .seeds: self.init(address: .unix(path: ""))  // replaced below
        }
        username = configuration.redisUser
        credentials = { access.credentials }
        self.countRefusal = countRefusal
        self.countLoss = countLoss
        allowUnsafeSettings = configuration.allowUnsafeRedis
        waitsForReplicas = configuration.redisWaitReplicas > 0
        backlogPerCoupon = Int64(configuration.backlogPerCoupon)
        backlogPerPartition = Int64(configuration.backlogPerPartition)
        finishedRetentionMilliseconds = configuration.finishedRetention.wholeMilliseconds
        guard let seeds = configuration.redis.seeds else { return }
        if case .sentinel = seeds { demandsReplicas = true }
        let source = TopologySource(
            seeds, options: self, map: configuration.redisAddressMap, logger: logger)
        self = at(nil, of: source)
    }
}
