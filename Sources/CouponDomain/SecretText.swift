/// The secret in a file that people write: the same reading for the daemon and the command line.
package enum SecretText {
    /// How many bytes of a file to read, to find a secret of so many bytes or to see that it is longer.
    package static func bytesToRead(limit: Int) -> Int { limit + byteOrderMark.count + 1 }

    /// How messages name a file with a secret: a path without a folder may be the secret itself, written in
    /// the wrong place.
    package static func name(of path: String) -> String {
        path.contains("/") ? path : "the file"
    }

    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// The first line, without a byte order mark and without its line end (of Unix or of Windows).
    /// - Parameter limit: how many bytes it may have.
    package static func firstLine(
        of file: [UInt8], limit: Int
    ) throws(SecretError) -> [UInt8] {
        let text =
            file.starts(with: byteOrderMark) ? file.dropFirst(byteOrderMark.count) : file[...]
        let line = Array(text.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") })
        guard !line.isEmpty else { throw SecretError("has no first line of text") }
        guard line.count <= limit else {
            throw SecretError("has a first line of more than \(limit) bytes")
        }
        guard !line.contains(0), String(validating: line, as: UTF8.self) != nil else {
            throw SecretError("is not UTF-8 text")
        }
        return line
    }
}

/// Why a file with a secret cannot be used, without any part of the secret.
package struct SecretError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
