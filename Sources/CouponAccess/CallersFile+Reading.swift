/// Reads the callers file from disk.
internal import Glibc

extension CallersFile {
    /// - Throws: why the file cannot be read, or all its mistakes.
    public init(path: String) throws(CallersFileError) {
        try self.init(try Self.bytes(path: path))
    }

    /// The text of a file that nobody but its owner can have written.
    public static func bytes(path: String) throws(CallersFileError) -> [UInt8] {
        // A pipe without a writer would stop the thread that reads it.
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw .system("cannot be read", errno) }
        defer { close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw CallersFileError("is not a regular file")
        }
        guard status.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
            throw CallersFileError(
                "can be written by others than its owner: they could make themselves admins. "
                    + "Run chmod go-w on it")
        }
        // Root may change it for another user, whose file it is.
        let own = geteuid()
        guard own == 0 || status.st_uid == 0 || status.st_uid == own else {
            throw CallersFileError(
                "belongs to another user than root and the one who reads it, who could become an admin: "
                    + "change its owner")
        }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= maximumBytes {
            let count = unsafe read(file, &part, part.count)
            guard count >= 0 else { throw .system("cannot be read", errno) }
            if count == 0 { break }
            bytes += part.prefix(count)
        }
        return bytes
    }
}

extension CallersFileError {
    /// An error of the system.
    static func system(_ problem: String, _ number: Int32) -> Self {
        CallersFileError("\(problem): \(unsafe String(cString: strerror(number)))")
    }
}
