/// IP addresses, as bytes.
internal import Glibc

/// An address of IPv4 or IPv6. A listener at `[::]` shows addresses of IPv4 as `::ffff:192.0.2.1`: these are
/// addresses of IPv4 here.
package struct IPAddress: Hashable, Sendable {
    /// 4 or 16.
    package let bytes: [UInt8]

    /// Nil if the text is not an IP address.
    package init?(_ text: some StringProtocol) {
        if let bytes = Self.bytes(of: String(text), AF_INET, count: 4) {
            self.bytes = bytes
            return
        }
        guard let bytes = Self.bytes(of: String(text), AF_INET6, count: 16) else { return nil }
        let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        self.bytes = isMapped ? Array(bytes[12...]) : bytes
    }

    /// Whether only this machine can use it.
    package var isLoopback: Bool {
        bytes.count == 4 ? bytes[0] == 127 : bytes == [UInt8](repeating: 0, count: 15) + [1]
    }

    private static func bytes(of text: String, _ family: Int32, count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        return unsafe inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }
}
