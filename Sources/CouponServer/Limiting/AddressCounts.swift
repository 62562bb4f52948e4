/// How many connections each address has, over all event loops. Used only when a connection opens or closes.
internal import Glibc
internal import Synchronization

/// What counts as one address: an IPv4 address, or the first 64 bits of an IPv6 address, because a customer
/// of a provider has all addresses below them.
struct AddressKey: Hashable, Sendable {
    private let network: UInt64

    /// Nil for what is no IP address.
    init?(_ text: String) {
        if let bytes = Self.bytes(of: text, AF_INET, count: 4) {
            network = Self.number(bytes[...])
            return
        }
        guard let bytes = Self.bytes(of: text, AF_INET6, count: 16) else { return nil }
        // A listener at `[::]` sees callers of IPv4 by mapped addresses, `::ffff:192.0.2.1`.
        let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        network = Self.number(isMapped ? bytes[12...] : bytes[..<8])
    }

    private static func bytes(of text: String, _ family: Int32, count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        return unsafe inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
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
