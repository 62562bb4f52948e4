/// The command line: a flag for each setting. Types, defaults and texts are the table's.
internal import ArgumentParser

struct Options: ParsableArguments {
    @Option(help: .init(Settings.config)) var config: String?
    @Option(help: .init(Settings.listen)) var listen: String?
    @Option(help: .init(Settings.metricsListen)) var metricsListen: String?
    @Option(help: .init(Settings.eventLoops)) var eventLoops: String?
    @Option(help: .init(Settings.redis)) var redis: String?
    @Option(help: .init(Settings.redisUser)) var redisUser: String?
    @Option(help: .init(Settings.redisPasswordFile)) var redisPasswordFile: String?
    @Option(help: .init(Settings.redisWaitReplicas)) var redisWaitReplicas: String?
    @Option(help: .init(Settings.redisWaitTimeout)) var redisWaitTimeout: String?
    @Flag(help: .init(Settings.allowUnsafeRedis)) var allowUnsafeRedis = false
    @Option(help: .init(Settings.postgres)) var postgres: String?
    @Option(help: .init(Settings.partitions)) var partitions: String?
    @Option(help: .init(Settings.maxConnections)) var maxConnections: String?
    @Option(help: .init(Settings.maxFrameBytes)) var maxFrameBytes: String?
    @Option(help: .init(Settings.backlogPerCoupon)) var backlogPerCoupon: String?
    @Option(help: .init(Settings.backlogPerPartition)) var backlogPerPartition: String?
    @Option(help: .init(Settings.maxBatch)) var maxBatch: String?
    @Option(help: .init(Settings.finishedRetention)) var finishedRetention: String?
    @Option(help: .init(Settings.drainTimeout)) var drainTimeout: String?
    @Option(help: .init(Settings.adminTokenFile)) var adminTokenFile: String?
    @Option(help: .init(Settings.logLevel)) var logLevel: String?
    @Option(help: .init(Settings.logFormat)) var logFormat: String?

    /// What was given, by key.
    var flags: [String: String] {
        let given: KeyValuePairs<String, String?> = [
            Settings.config.key: config,
            Settings.listen.key: listen,
            Settings.metricsListen.key: metricsListen,
            Settings.eventLoops.key: eventLoops,
            Settings.redis.key: redis,
            Settings.redisUser.key: redisUser,
            Settings.redisPasswordFile.key: redisPasswordFile,
            Settings.redisWaitReplicas.key: redisWaitReplicas,
            Settings.redisWaitTimeout.key: redisWaitTimeout,
            Settings.allowUnsafeRedis.key: allowUnsafeRedis ? "true" : nil,
            Settings.postgres.key: postgres,
            Settings.partitions.key: partitions,
            Settings.maxConnections.key: maxConnections,
            Settings.maxFrameBytes.key: maxFrameBytes,
            Settings.backlogPerCoupon.key: backlogPerCoupon,
            Settings.backlogPerPartition.key: backlogPerPartition,
            Settings.maxBatch.key: maxBatch,
            Settings.finishedRetention.key: finishedRetention,
            Settings.drainTimeout.key: drainTimeout,
            Settings.adminTokenFile.key: adminTokenFile,
            Settings.logLevel.key: logLevel,
            Settings.logFormat.key: logFormat,
        ]
        return given.reduce(into: [:]) { $0[$1.key] = $1.value }
    }
}

extension ArgumentHelp {
    fileprivate init(_ setting: any AnySetting) {
        let fallback = setting.fallback.isEmpty ? "" : " (default: \(setting.fallback))"
        self.init("\(setting.help): \(setting.expectation)\(fallback).", valueName: "value")
    }
}
