internal import ArgumentParser
internal import CouponAccess
internal import CouponCore
internal import FileAccess
internal import Glibc

/// Changes a callers file.
struct CallersFileWriter {
    private let file: ReplacedFile

    /// - Parameter path: of a file, which may not be there.
    init(path: String) { file = ReplacedFile(path) }

    /// Reads, changes and writes the file. Another couponctl waits as long as this takes.
    func change(_ change: (inout CallersText) throws -> Void) throws {
        let directory = unsafe open(file.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw mistake(.init("open the folder of")) }
        defer { close(directory) }
        guard flock(directory, LOCK_EX) == 0 else { throw mistake(.init("lock the folder of")) }
        let exists = unsafe access(file.path, F_OK) == 0
        var text = try CallersText(exists ? CallersFile.bytes(path: file.path) : [])
        try change(&text)
        do throws(ReplacedFile.Failure) {
            try file.replace(by: text.bytes, mode: 0o640, keepsOwner: true)
        } catch {
            throw mistake(error)
        }
        guard fsync(directory) == 0 else { throw mistake(.init("store")) }
    }

    private func mistake(_ failure: ReplacedFile.Failure) -> ValidationError {
        ValidationError(
            "cannot \(failure.verb) \(file.path): \(failure.reason)".safeForTerminal)
    }
}

/// A change that the callers file does not allow. The command exits with the code for "the answer is no".
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
