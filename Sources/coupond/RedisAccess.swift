/// The password of Redis and the files for TLS to Redis, as they were read last.
internal import CouponRedis
internal import Synchronization

final class RedisAccess: Sendable {
    private let configuration: Configuration
    private let current: Mutex<RedisCredentials>

    /// - Throws: if a file has become unreadable since the configuration was checked.
    init(_ configuration: Configuration) throws(FileMistake) {
        self.configuration = configuration
        current = Mutex(try RedisCredentials(configuration))
    }

    /// For the next connection.
    var credentials: RedisCredentials { current.withLock { $0 } }

    /// Reads the files again, for ``use(_:)``.
    func read() throws(FileMistake) -> RedisCredentials { try RedisCredentials(configuration) }

    /// For connections from now on.
    func use(_ credentials: RedisCredentials) { current.withLock { $0 = credentials } }
}
