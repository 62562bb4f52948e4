/// The path of a unix socket, as addresses and settings write it: `unix:/PATH`.
package struct SocketPath: Equatable, Sendable {
    /// The system's structure for it has 108 bytes, and ends with a 0.
    package static let limit = 107

    package let path: String

    /// Nil if it is something else, or not absolute, or too long.
    package init?(_ text: some StringProtocol) {
        guard text.hasPrefix("unix:/"), Self.mistake(in: text) == nil else { return nil }
        path = String(text.dropFirst(5))
    }

    /// What is wrong with a text that begins with `unix:`; nil for any other text, or if nothing is wrong.
    package static func mistake(in text: some StringProtocol) -> String? {
        guard text.hasPrefix("unix:") else { return nil }
        let path = text.dropFirst(5)
        if !path.hasPrefix("/") { return "the path of a unix socket must be absolute" }
        return path.utf8.count <= limit
            ? nil : "the path of a unix socket may have \(limit) bytes, this has \(path.utf8.count)"
    }
}
