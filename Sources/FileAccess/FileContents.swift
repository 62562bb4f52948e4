/// Reads small files, with checks for files whose contents give rights.
internal import Glibc

/// Reads small files.
package enum FileContents {
    /// What a file must be.
    package struct Checks: OptionSet, Sendable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// A regular file: a pipe without a writer would stop the thread that reads it.
        package static let regular = Checks(rawValue: 1)
        /// A file that nobody but its owner may write.
        package static let guarded = Checks(rawValue: 2)
        /// A file of root or of the user who reads it. Root may read the file of any user, on behalf of that
        /// user.
        package static let owned = Checks(rawValue: 4)
    }

    /// The first bytes of a file.
    /// - Parameter limit: how many, at most. A caller may ask for one more than it allows: then it sees that
    ///   a file is too long.
    package static func read(
        _ path: String, upTo limit: Int = .max, _ checks: Checks = []
    ) throws(FileFault) -> [UInt8] {
        let waiting = checks.contains(.regular) ? O_NONBLOCK : 0
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | waiting)
        guard file >= 0 else { throw .unreadable(errno) }
        defer { close(file) }
        try check(file, checks)
        return try read(descriptor: file, upTo: limit)
    }

    /// The next bytes of an open file or pipe.
    package static func read(
        descriptor file: Int32, upTo limit: Int = .max
    ) throws(FileFault) -> [UInt8] {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: min(limit, 65_536))
        while bytes.count < limit {
            let count = unsafe Glibc.read(file, &part, min(part.count, limit - bytes.count))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .unreadable(errno) }
            if count == 0 { break }
            bytes += part.prefix(count)
        }
        return bytes
    }

    private static func check(_ file: Int32, _ checks: Checks) throws(FileFault) {
        if checks.isEmpty { return }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { throw .unreadable(errno) }
        if checks.contains(.regular), status.st_mode & S_IFMT != S_IFREG { throw .notRegular }
        if checks.contains(.guarded), status.st_mode & (S_IWGRP | S_IWOTH) != 0 {
            throw .writableByOthers
        }
        let own = geteuid()
        if checks.contains(.owned), own != 0, status.st_uid != 0, status.st_uid != own {
            throw .ofAnotherUser
        }
    }
}

/// Why a file cannot be used.
package enum FileFault: Error, Equatable, CustomStringConvertible {
    /// With an error number of the system.
    case unreadable(Int32)
    case notRegular
    case writableByOthers
    case ofAnotherUser

    /// What follows the file's name in a sentence.
    package var description: String {
        switch self {
        case .unreadable(let number):
            "cannot be read: \(unsafe String(cString: strerror(number)))"
        case .notRegular: "is not a regular file"
        case .writableByOthers:
            "can be written by users other than its owner: they could become admins. "
                + "Run chmod go-w on it"
        case .ofAnotherUser:
            "belongs neither to root nor to the user who reads it, so its owner could become an "
                + "admin: change its owner"
        }
    }

    /// Whether there is no such file.
    package var isAbsence: Bool { self == .unreadable(ENOENT) || self == .unreadable(ENOTDIR) }
}
