/// Ranges of IP addresses, such as those of proxies.

/// An address, or all addresses with the same first bits.
public struct AddressRange: Equatable, Sendable {
    private let bytes: [UInt8]
    private let bits: Int

    /// From `192.0.2.1`, `192.0.2.0/24`, or the same with IPv6; nil for anything else. All addresses are no
    /// range: every caller could then say that it is another one.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let bytes = parts.first.flatMap({ IPAddress($0) })?.bytes,
            let bits = parts.count == 1 ? bytes.count * 8 : Int(parts[1]),
            (1...bytes.count * 8).contains(bits)
        else { return nil }
        self.bytes = bytes
        self.bits = bits
    }

    /// An address of IPv4 that a listener of IPv6 has mapped is in ranges of IPv4.
    /// - Parameter address: in text, as a socket has it; false if there is none.
    package func contains(_ address: String?) -> Bool {
        guard let other = address.flatMap({ IPAddress($0) })?.bytes, other.count == bytes.count
        else { return false }
        return (0..<bits).allSatisfy { bit in
            (bytes[bit / 8] ^ other[bit / 8]) & (0x80 >> UInt8(bit % 8)) == 0
        }
    }
}
