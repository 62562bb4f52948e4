internal import Foundation

/// A new folder directly under `/tmp`, removed with everything in it when the last reference goes.
///
/// The path is short, because the path of a unix socket may have 107 bytes. All users may pass through it, so
/// that PostgreSQL, which refuses to run as root, can own a folder inside.
public final class TemporaryFolder: Sendable {
    /// Absolute, without a slash at the end.
    public let path: String

    /// - Throws: an error of Foundation if `/tmp` cannot be written.
    public init() throws {
        path = "/tmp/coupond-" + String(UInt32.random(in: 0...UInt32.max), radix: 36)
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o711])
        // The attribute passes through the umask, a later one does not.
        try FileManager.default.setAttributes([.posixPermissions: 0o711], ofItemAtPath: path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of `name` in this folder. The file need not exist.
    public func file(_ name: String) -> String { path + "/" + name }

    /// Makes a folder inside.
    /// - Parameter owner: a user's name; nil for the test's own. Only root may name another.
    /// - Returns: its path.
    /// - Throws: an error of Foundation.
    public func makeFolder(_ name: String, owner: String? = nil) throws -> String {
        var attributes: [FileAttributeKey: Any] = [.posixPermissions: 0o700]
        if let owner { attributes[.ownerAccountName] = owner }
        try FileManager.default.createDirectory(
            atPath: file(name), withIntermediateDirectories: false)
        try FileManager.default.setAttributes(attributes, ofItemAtPath: file(name))
        return file(name)
    }

    /// Writes a text file inside, or replaces it.
    /// - Returns: its path.
    /// - Throws: an error of Foundation.
    public func write(_ text: String, to name: String) throws -> String {
        try text.write(toFile: file(name), atomically: false, encoding: .utf8)
        return file(name)
    }
}
