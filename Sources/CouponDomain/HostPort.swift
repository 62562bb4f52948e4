/// A host and a TCP port, as people write them.
package struct HostPort: Equatable, Sendable {
    /// A name or an IP address, without brackets; not empty.
    package let host: String
    /// 0 to 65,535.
    package let port: Int

    /// From `HOST:PORT`, or `[HOST]:PORT` for IPv6; nil if it is neither.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("[") && host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        let digits = text[text.index(after: colon)...]
        guard !host.isEmpty, digits.allSatisfy(\.isNumber), let port = Int(digits),
            (0...65_535).contains(port)
        else { return nil }
        self.host = String(host)
        self.port = port
    }
}
