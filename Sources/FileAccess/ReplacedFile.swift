/// A file that is replaced as a whole: a reader sees the old bytes or the new ones, and a crash leaves one of
/// them. Its mode and the symbolic links that lead to it stay, and so does its owner if that can be.
internal import Glibc

/// Replaces a file as a whole.
package struct ReplacedFile {
    /// Why it cannot be replaced.
    package struct Failure: Error {
        /// Such as `write`.
        package let verb: String
        package let errorNumber: Int32

        package init(_ verb: String) {
            self.verb = verb
            errorNumber = errno
        }

        /// Of the system.
        package var reason: String { unsafe String(cString: strerror(errorNumber)) }
    }

    /// Without symbolic links: the rename must not replace a link.
    package let path: String

    /// - Parameter path: of a file, which may not be there.
    package init(_ path: String) { self.path = Self.withoutLinks(path) }

    package var folder: String { Self.folder(of: path) }

    private static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[...$0]) } ?? "./"
    }

    /// The path without links, even if the file at their end is not there yet.
    private static func withoutLinks(_ path: String, depth: Int = 0) -> String {
        if let real = unsafe realpath(path, nil) {
            defer { unsafe free(real) }
            return unsafe String(cString: real)
        }
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe readlink(path, &target, target.count)
        guard count > 0, depth < 40 else { return path }
        let text = String(
            decoding: target.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
        return withoutLinks(text.hasPrefix("/") ? text : folder(of: path) + text, depth: depth + 1)
    }

    /// - Parameters:
    ///   - mode: of a file that is not there yet; by default that of the user's umask.
    ///   - keepsOwner: whether the owner must stay. If not, a file of another user may become this user's, if
    ///     the folder allows that.
    package func replace(
        by bytes: [UInt8], mode: UInt32? = nil, keepsOwner: Bool = false
    ) throws(Failure) {
        var old = stat()
        let exists = unsafe stat(path, &old) == 0
        // A name of this process alone: two processes that replace the file at once must not write into one.
        let temporary = "\(path).new.\(getpid())"
        _ = unsafe unlink(temporary)
        let file = unsafe open(
            temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, exists ? 0o600 : mode ?? 0o666)
        guard file >= 0 else { throw Failure("write") }
        defer { close(file) }
        do throws(Failure) {
            if exists {
                let isKept = try keepOwner(of: old, at: file, isNeeded: keepsOwner)
                guard fchmod(file, old.st_mode & (isKept ? 0o7777 : 0o777)) == 0 else {
                    throw Failure("write")
                }
            } else if let mode {
                guard fchmod(file, mode) == 0 else { throw Failure("write") }
            }
            guard Self.store(bytes, in: file), unsafe rename(temporary, path) == 0 else {
                throw Failure("write")
            }
        } catch {
            _ = unsafe unlink(temporary)
            throw error
        }
        removeLeftovers()
    }

    /// Removes the files of processes that were killed before their rename. No process needs a minute, so
    /// nobody uses a file that is older.
    private func removeLeftovers() {
        guard let directory = unsafe opendir(folder) else { return }
        defer { unsafe closedir(directory) }
        let prefix = String(path.split(separator: "/").last ?? "") + ".new."
        while let entry = unsafe readdir(directory) {
            // An entry is shorter than its type says.
            let start = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
            let name = unsafe UnsafeRawPointer(entry).advanced(by: start)
                .assumingMemoryBound(to: CChar.self)
            // A bookmark is replaced often, perhaps in a large folder: so only a few names are made Strings.
            guard unsafe strncmp(name, prefix, prefix.utf8.count) == 0 else { continue }
            let leftover = unsafe folder + String(cString: name)
            var found = stat()
            guard Self.isEnded(leftover.dropFirst(folder.count + prefix.count)),
                unsafe lstat(leftover, &found) == 0, found.st_mode & S_IFMT == S_IFREG,
                time(nil) - found.st_mtim.tv_sec > 60
            else { continue }
            _ = unsafe unlink(leftover)
        }
    }

    /// Whether it is the number of a process that is not there any more.
    private static func isEnded(_ number: Substring) -> Bool {
        // The kernel gives no higher numbers, and the date in the name of a copy that a person made is
        // higher.
        guard let process = pid_t(number), (1...4_194_304).contains(process) else { return false }
        return kill(process, 0) != 0 && errno == ESRCH
    }

    /// The owner may be a user other than the one who changes the file.
    /// - Returns: whether the new file has the old owner.
    private func keepOwner(
        of old: stat, at file: Int32, isNeeded: Bool
    ) throws(Failure) -> Bool {
        var new = stat()
        guard unsafe fstat(file, &new) == 0 else { throw Failure("write") }
        if (new.st_uid, new.st_gid) == (old.st_uid, old.st_gid) { return true }
        if fchown(file, old.st_uid, old.st_gid) == 0 { return true }
        guard errno == EPERM, !isNeeded else { throw Failure("keep the owner of") }
        return false
    }

    private static func store(_ bytes: [UInt8], in file: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(file, $0.baseAddress, $0.count)
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return fsync(file) == 0
    }
}
