/// Ranges of IP addresses, as settings have them.
internal import Glibc

/// An address, or all addresses with the same first bits.
struct IPRange: Equatable, Sendable {
    /// 4 or 16.
    let bytes: [UInt8]
    /// How many of the first bits count.
    let bits: Int

    /// From `192.0.2.1`, `192.0.2.0/24`, or the same with IPv6.
    init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let family = text.contains(":") ? AF_INET6 : AF_INET
        var bytes = [UInt8](repeating: 0, count: family == AF_INET6 ? 16 : 4)
        guard let address = parts.first,
            unsafe inet_pton(family, String(address), &bytes) == 1
        else { return nil }
        guard let bits = parts.count == 1 ? bytes.count * 8 : Int(parts[1]),
            (0...bytes.count * 8).contains(bits)
        else { return nil }
        self.bytes = bytes
        self.bits = bits
    }
}

extension Form<[IPRange]> {
    /// Empty for none.
    static let ranges = Form(
        description: "IP addresses or ranges such as 192.0.2.0/24, separated by commas, or nothing"
    ) { text in
        if text.isEmpty { return [] }
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let ranges = parts.compactMap { IPRange(String($0).filter { $0 != " " }) }
        return ranges.count == parts.count ? ranges : nil
    }
}
