/// What the daemon was told, complete and checked.
internal import CouponCore
internal import Glibc
internal import Logging
internal import NIOCore

struct Configuration: Sendable {
    let listen: Endpoint
    /// Nil: no HTTP.
    let metricsListen: Endpoint?
    let eventLoops: Int
    let redis: Endpoint
    let redisUser: String?
    let redisPasswordFile: String?
    let redisWaitReplicas: Int
    let redisWaitTimeout: Duration
    let allowUnsafeRedis: Bool
    /// A libpq connection string or URI.
    let postgres: String
    let partitions: Int
    let maxConnections: Int
    let maxFrameBytes: Int
    let backlogPerCoupon: Int
    let backlogPerPartition: Int
    let maxBatch: Int
    let finishedRetention: Duration
    let drainTimeout: Duration
    let adminTokenFile: String?
    let logLevel: Logger.Level
    let logFormat: LogFormat

    /// - Parameters:
    ///   - flags: what the command line has, by key.
    ///   - environment: the process's.
    /// - Throws: ``ConfigurationError`` with everything that is wrong.
    init(flags: [String: String], environment: [String: String]) async throws {
        var layers = try await Layers(flags: flags, environment: environment)
        listen = layers.value(Settings.listen)
        metricsListen = layers.value(Settings.metricsListen)
        eventLoops = layers.value(Settings.eventLoops) ?? System.coreCount
        redis = layers.value(Settings.redis)
        redisUser = layers.value(Settings.redisUser)
        redisPasswordFile = layers.value(Settings.redisPasswordFile)
        redisWaitReplicas = layers.value(Settings.redisWaitReplicas)
        redisWaitTimeout = layers.value(Settings.redisWaitTimeout)
        allowUnsafeRedis = layers.value(Settings.allowUnsafeRedis)
        postgres = layers.value(Settings.postgres)
        partitions = layers.value(Settings.partitions)
        maxConnections = layers.value(Settings.maxConnections)
        maxFrameBytes = layers.value(Settings.maxFrameBytes)
        backlogPerCoupon = layers.value(Settings.backlogPerCoupon)
        backlogPerPartition = layers.value(Settings.backlogPerPartition)
        maxBatch = layers.value(Settings.maxBatch)
        finishedRetention = layers.value(Settings.finishedRetention)
        drainTimeout = layers.value(Settings.drainTimeout)
        adminTokenFile = layers.value(Settings.adminTokenFile)
        logLevel = layers.value(Settings.logLevel)
        logFormat = layers.value(Settings.logFormat)
        checkTogether(&layers)
        guard layers.problems.isEmpty else { throw ConfigurationError(problems: layers.problems) }
    }

    /// What no setting can tell alone.
    private func checkTogether(_ layers: inout Layers) {
        if backlogPerCoupon > backlogPerPartition {
            layers.report(
                "backlog-per-coupon is \(backlogPerCoupon), more than backlog-per-partition, "
                    + "\(backlogPerPartition)",
                about: Settings.backlogPerCoupon)
        }
        if redisUser != nil && redisPasswordFile == nil {
            layers.report("redis-user needs redis-password-file", about: Settings.redisUser)
        }
        let secrets = [
            (redisPasswordFile, Settings.redisPasswordFile),
            (adminTokenFile, Settings.adminTokenFile),
        ]
        for case (let path?, let setting) in secrets {
            do {
                _ = try secret(inFile: path)
            } catch {
                layers.report("\(setting.key): \(error)", about: setting)
            }
        }
    }
}

/// Why a file with a secret cannot be used.
struct SecretError: Error, Equatable, CustomStringConvertible {
    let description: String
}

/// The first line of a file. Read anew at every use, so that a secret may be changed by a reload.
func secret(inFile path: String) throws(SecretError) -> String {
    guard let file = unsafe fopen(path, "re") else {
        throw SecretError(description: "\(path) cannot be read: error \(errno)")
    }
    defer { unsafe fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = unsafe fgetc(file), byte >= 0, byte != 10, bytes.count < 4_096 {
        bytes.append(UInt8(byte))
    }
    guard let text = String(validating: bytes, as: UTF8.self), !text.isEmpty else {
        throw SecretError(description: "\(path) has no first line of text")
    }
    return text
}
