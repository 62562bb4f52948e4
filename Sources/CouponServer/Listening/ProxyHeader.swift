/// The header of the PROXY protocol, version 2, in which a proxy says who is at its other side.
/// https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt

enum ProxyHeader: Equatable {
    /// The rest has not arrived.
    case needMore
    /// The bytes are not such a header.
    case refused
    /// A whole header.
    /// - `source`: the caller's IP address; nil if the proxy itself is the caller, as for its health checks.
    /// - `length`: how many bytes the header has.
    case read(source: String?, length: Int)

    /// The longest header that is read, in bytes: addresses need 36, the rest is for the proxy's own words.
    static let limit = 1_024

    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]

    /// - Parameter bytes: what the connection has sent so far.
    init(_ bytes: [UInt8]) {
        let begin = Self.signature.prefix(bytes.count)
        guard bytes.starts(with: begin) else {
            self = .refused
            return
        }
        guard bytes.count >= 16 else {
            self = .needMore
            return
        }
        let (command, family) = (bytes[12], bytes[13])
        let length = 16 + (Int(bytes[14]) << 8 | Int(bytes[15]))
        guard command == 0x20 || command == 0x21, length <= Self.limit else {
            self = .refused
            return
        }
        guard bytes.count >= length else {
            self = .needMore
            return
        }
        let addresses = bytes[16..<length]
        switch (command, family) {
        case (0x20, _), (_, 0x00): self = .read(source: nil, length: length)
        case (_, 0x11) where addresses.count >= 12:
            self = .read(source: Self.text(ofIPv4: addresses.prefix(4)), length: length)
        case (_, 0x21) where addresses.count >= 36:
            self = .read(source: Self.text(ofIPv6: addresses.prefix(16)), length: length)
        default: self = .refused
        }
    }

    private static func text(ofIPv4 bytes: ArraySlice<UInt8>) -> String {
        bytes.map(String.init).joined(separator: ".")
    }

    /// All eight groups.
    private static func text(ofIPv6 bytes: ArraySlice<UInt8>) -> String {
        let bytes = Array(bytes)
        return stride(from: 0, to: 16, by: 2)
            .map { String(Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]), radix: 16) }
            .joined(separator: ":")
    }
}
