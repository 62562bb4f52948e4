/// The servers that are asked where Redis is.
public import CouponCore

/// The servers that a setting names.
public enum RedisSeeds: Equatable, Sendable {
    /// The name of a master, and the sentinels that watch it.
    case sentinel(name: String, at: [RedisAddress])
    /// Some nodes of a cluster; the others are found through them.
    case cluster([RedisAddress])
}
