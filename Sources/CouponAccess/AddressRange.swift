/// Ranges of IP addresses, such as those of proxies.

/// An address, or all addresses with the same first bits.
public struct AddressRange: Equatable, Sendable {
    private let bytes: [UInt8]
    private let bits: Int

    /// From `192.0.2.1`, `192.0.2.0/24`, or the same with IPv6; nil for anything else. A range of all
    /// addresses is refused: if all are proxies, every caller can pretend to have another address.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let bytes = parts.first.flatMap({ IPAddress($0) })?.bytes,
            let bits = parts.count == 1 ? bytes.count * 8 : Int(parts[1]),
            (1...bytes.count * 8).contains(bits)
        else { return nil }
        self.bytes = bytes
        self.bits = bits
    }

    /// Whether an address is in the range. An IPv4 address that an IPv6 listener has mapped counts as IPv4.
    /// - Parameter address: the text that a socket gives; nil is in no range.
    package func contains(_ address: String?) -> Bool {
        guard let other = address.flatMap({ IPAddress($0) })?.bytes, other.count == bytes.count
        else { return false }
        return (0..<bits).allSatisfy { bit in
            (bytes[bit / 8] ^ other[bit / 8]) & (0x80 >> UInt8(bit % 8)) == 0
        }
    }
}
