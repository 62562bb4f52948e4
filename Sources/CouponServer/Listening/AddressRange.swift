/// Ranges of IP addresses, such as those of proxies.
internal import Glibc
internal import NIOCore

/// IP addresses with the same first bits.
public struct AddressRange: Equatable, Sendable {
    private let bytes: [UInt8]
    private let bits: Int

    /// - Parameters:
    ///   - bytes: of an address: 4 or 16.
    ///   - bits: how many of its first bits count.
    public init(bytes: [UInt8], bits: Int) {
        self.bytes = bytes
        self.bits = bits
    }

    /// An address of IPv4 that a listener of IPv6 has mapped is in ranges of IPv4.
    func contains(_ address: SocketAddress) -> Bool {
        guard let text = address.ipAddress else { return false }
        let plain = String(text.trimmingPrefix("::ffff:"))
        let isIPv6 = plain.contains(":")
        var other = [UInt8](repeating: 0, count: isIPv6 ? 16 : 4)
        guard other.count == bytes.count,
            unsafe inet_pton(isIPv6 ? AF_INET6 : AF_INET, plain, &other) == 1
        else { return false }
        return (0..<bits).allSatisfy { bit in
            (bytes[bit / 8] ^ other[bit / 8]) & (0x80 >> UInt8(bit % 8)) == 0
        }
    }
}
