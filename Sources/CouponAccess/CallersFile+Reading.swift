/// Reads the callers file from disk.
internal import FileAccess

extension CallersFile {
    /// - Throws: why the file cannot be read, or all its mistakes.
    public init(path: String) throws(CallersFileError) {
        try self.init(try Self.bytes(path: path))
    }

    /// The text of a file that nobody but its owner can have written.
    public static func bytes(path: String) throws(CallersFileError) -> [UInt8] {
        do throws(FileFault) {
            return try FileContents.read(
                path, upTo: maximumBytes + 1, [.regular, .guarded, .owned])
        } catch {
            throw CallersFileError("\(error)")
        }
    }
}
