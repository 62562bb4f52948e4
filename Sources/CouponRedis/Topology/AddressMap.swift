/// For networks with address translation: a cluster and Sentinel name servers by the addresses that they use
/// among themselves.
public import CouponCore

/// Under which address the daemon reaches each server.
public struct AddressMap: Equatable, Sendable {
    private let pairs: [RedisAddress: RedisAddress]

    /// - Parameter pairs: from an address that a server names to the one that is connected to.
    public init(_ pairs: [RedisAddress: RedisAddress] = [:]) { self.pairs = pairs }

    /// What to connect to; an address without an entry stands for itself.
    public subscript(_ named: RedisAddress) -> RedisAddress { pairs[named] ?? named }
}
