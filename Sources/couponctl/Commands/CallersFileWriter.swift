internal import ArgumentParser
internal import CouponAccess
internal import CouponCore
internal import Glibc

/// Writes a callers file so that a reader sees the old text or the new one, and a crash leaves one of them.
struct CallersFileWriter {
    /// The file that is written, without symbolic links: the rename must not replace a link.
    private let path: String
    private let folder: String

    /// - Parameter path: of a file, which may not be there.
    init(path: String) {
        let real = Self.withoutLinks(path)
        self.path = real
        folder = real.lastIndex(of: "/").map { String(real[...$0]) } ?? "."
    }

    /// The path itself if there is no such file.
    private static func withoutLinks(_ path: String) -> String {
        guard let real = unsafe realpath(path, nil) else { return path }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }

    /// Reads, changes and writes the file. Another couponctl waits as long as this takes.
    func change(_ change: (inout CallersText) throws -> Void) throws {
        let directory = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw failure("open the folder of") }
        defer { close(directory) }
        guard flock(directory, LOCK_EX) == 0 else { throw failure("lock the folder of") }
        var status = stat()
        let exists = unsafe stat(path, &status) == 0
        var text = try CallersText(exists ? CallersFile.bytes(path: path) : [])
        try change(&text)
        try write(text.bytes, like: exists ? status : nil)
        guard fsync(directory) == 0 else { throw failure("store") }
    }

    /// - Parameter old: the file that is replaced: the new one gets its mode and its owner.
    private func write(_ bytes: [UInt8], like old: stat?) throws {
        let temporary = path + ".new"
        _ = unsafe unlink(temporary)
        let file = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("write") }
        defer { close(file) }
        // The owner of the file may be another user than the one who changes it.
        if let old, fchown(file, old.st_uid, old.st_gid) != 0 { throw failure("keep the owner of") }
        guard fchmod(file, old.map { $0.st_mode & 0o7777 } ?? 0o640) == 0, store(bytes, in: file),
            unsafe rename(temporary, path) == 0
        else {
            let error = failure("write")
            _ = unsafe unlink(temporary)
            throw error
        }
    }

    private func store(_ bytes: [UInt8], in file: Int32) -> Bool {
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

    private func failure(_ what: String) -> ValidationError {
        let reason = unsafe String(cString: strerror(errno))
        return ValidationError("cannot \(what) \(path): \(reason)".safeForTerminal)
    }
}

/// A change that the callers file does not allow: the exit code is "the answer is no".
struct CallerComplaint: Error {
    let message: String

    init(_ message: String) { self.message = message }

    init(noSuch name: String) { message = "there is no principal \(name)" }

    /// Writes the message.
    /// - Returns: What to throw.
    func reported() -> ExitCode {
        standardError("couponctl: \(message.safeForTerminal)\n")
        return CommandExit.negative.code
    }
}

extension CallerToken {
    /// A new token.
    static func made() throws -> CallerToken {
        guard let token = CallerToken() else {
            throw ValidationError("the system gives no random bytes")
        }
        return token
    }

    /// Prints the token, which is stored nowhere; without one, what was done with the principal.
    static func show(
        _ token: CallerToken?, _ done: String, _ name: String, _ global: GlobalOptions
    ) throws {
        let document = JSONValue.object([
            ("principal", .string(name)), ("token", token.map { .string($0.text) } ?? .null),
        ])
        do throws(OutputLost) {
            try Output.show(document, [token?.text ?? "\(done) \(name)"], json: global.json)
        } catch {
            throw error.reported()
        }
        if token != nil, !global.json {
            standardError("couponctl: this is the token of \(name); it is not shown again\n")
        }
    }
}
