/// How many connections each address has, over all event loops. Used only when a connection opens or closes.
internal import CouponAccess
internal import Synchronization

/// What counts as one address: an IPv4 address, or the first 64 bits of an IPv6 address, because a customer
/// of a provider has all addresses that begin with them.
struct AddressKey: Hashable, Sendable {
    private let network: UInt64

    /// Nil for what is not an IP address.
    init?(_ text: String) {
        guard let bytes = IPAddress(text)?.bytes else { return nil }
        network = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}

final class AddressCounts: Sendable {
    private let counts = Mutex<[AddressKey: Int]>([:])

    /// Counts a connection. False, and not counted, if the address has so many already.
    func enter(_ address: AddressKey, limit: Int) -> Bool {
        counts.withLock { counts in
            let count = counts[address, default: 0]
            guard count < limit else { return false }
            counts[address] = count + 1
            return true
        }
    }

    /// A connection that was counted is closed.
    func leave(_ address: AddressKey) {
        counts.withLock { counts in
            guard let count = counts[address] else { return }
            counts[address] = count > 1 ? count - 1 : nil
        }
    }

    /// How many addresses have connections.
    var count: Int { counts.withLock(\.count) }
}
