internal import CouponCore
internal import NIOPosix

/// Where Redis (7.0 or later) is, and how it is used. Every connection gets a copy.
public struct RedisOptions: Sendable {
    /// How to reach Redis.
    public enum Address: Hashable, Sendable {
        /// TCP; the host is a name or a numeric address.
        case tcp(host: String, port: Int)
        /// The path of a unix socket.
        case unix(path: String)
    }

    /// How to reach Redis.
    public var address: Address
    /// The user of Redis' access lists; nil is the default user.
    public var username: String?
    /// Its password, and TLS; called for each new connection, from any thread.
    public var credentials: @Sendable () -> RedisCredentials = { RedisCredentials() }
    /// Whether settings that break promise 3 only cause a warning.
    public var allowUnsafeSettings = false
    /// Whether an acceptance waits for replicas; then the user needs the rights for WAIT and PUBLISH.
    public var waitsForReplicas = false
    /// The longest connect and handshake, in milliseconds.
    public var connectTimeoutMilliseconds: Int64 = 2_000
    /// The longest wait for an answer to a command, in milliseconds.
    public var commandTimeoutMilliseconds: Int64 = 5_000
    /// Requests of one coupon that are accepted and not settled; beyond it the gate refuses.
    public var backlogPerCoupon = Limits.backlogPerCoupon
    /// The same for a partition.
    public var backlogPerPartition = Limits.backlogPerPartition
    /// How long Redis keeps a finished coupon, in milliseconds; 0: no limit.
    public var finishedRetentionMilliseconds: Int64 = 86_400_000

    /// Called with the cause of each command that Redis refuses, such as `OOM`; from any thread.
    public var countRefusal: @Sendable (_ cause: String) -> Void = { _ in }
    /// Called when a connection that was in use is lost; from any thread.
    public var countLoss: @Sendable () -> Void = {}

    /// Finds the addresses of the host for event loops; nil is the resolver of the system.
    var resolver: (any Resolver & Sendable)?

    /// Options with their defaults.
    /// - Parameter address: how to reach Redis.
    public init(address: Address) { self.address = address }

    /// The first command of a connection; nil without a password.
    var authentication: Command? {
        credentials().password.map { password in
            username.map { Command("AUTH", $0, password) } ?? Command("AUTH", password)
        }
    }
}
