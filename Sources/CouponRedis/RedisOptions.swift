public import CouponCore
internal import NIOPosix

/// Where Redis (7.0 or later) is, and how it is used. Every connection gets a copy.
public struct RedisOptions: Sendable {
    /// Where a connection goes.
    public enum Place: Sendable {
        /// To a Redis that never moves.
        case address(RedisAddress)
        /// To a node, wherever it is when the connection is made. Nil is the first node of the topology: with
        /// Sentinel it is the only one.
        case node(RedisNode.ID?, of: TopologySource)
    }

    /// Where connections go.
    public var place: Place
    /// The user of Redis' access lists; nil is the default user.
    public var username: String?
    /// Its password, and TLS; called for each new connection, from any thread.
    public var credentials: @Sendable () -> RedisCredentials = { RedisCredentials() }
    /// Whether settings that break promise 3 only cause a warning.
    public var allowUnsafeSettings = false
    /// Whether `min-replicas-to-write` must be 1 or more: with Sentinel, so that a master that is cut off
    /// from its replicas soon accepts nothing.
    public var demandsReplicas = false
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

    /// Whether the connection is for one node of a cluster.
    var isOneOfSeveral = false

    /// Finds the addresses of the host for event loops; nil is the resolver of the system.
    var resolver: (any Resolver & Sendable)?

    /// Options with their defaults.
    /// - Parameter address: where Redis is.
    public init(address: RedisAddress) { place = .address(address) }

    /// The same options for connections to a node of a topology.
    public func at(_ node: RedisNode.ID?, of source: TopologySource) -> RedisOptions {
        var options = self
        options.place = .node(node, of: source)
        return options
    }

    /// Says where the nodes are; nil if Redis never moves.
    public var topology: TopologySource? {
        if case .node(_, let source) = place { source } else { nil }
    }

    /// The first command of a connection; nil without a password.
    var authentication: Command? {
        credentials().password.map { password in
            username.map { Command("AUTH", $0, password) } ?? Command("AUTH", password)
        }
    }
}
