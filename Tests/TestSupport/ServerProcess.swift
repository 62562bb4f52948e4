internal import Foundation
internal import Synchronization

/// How a process ended.
public enum ProcessEnd: Equatable, Sendable {
    /// By itself, with this exit code.
    case code(Int32)
    /// By this signal.
    case signal(Int32)
}

/// Why a server could not be started or stopped.
public struct ServerProcessError: Error, CustomStringConvertible {
    /// The program, and the end of its log if there is one.
    public let description: String
}

/// A child process, in a process group of its own.
///
/// It is killed when the last reference goes, and by the kernel when the test process dies.
public final class ServerProcess: Sendable {
    /// The process id, which is the group's as well.
    public let pid: Int32
    /// The file with everything it wrote.
    public let log: String

    private let name: String
    private let end = Mutex<ProcessEnd?>(nil)

    /// Starts a program.
    /// - Parameters:
    ///   - executable: an absolute path, or a name that is looked up in PATH.
    ///   - environment: added to the test's own.
    ///   - folder: its working folder, which also gets its log, `<name>.log`.
    ///   - user: the user that it runs as; nil for the test's own. Only root may name another.
    ///   - passed: descriptors that it gets as 3 and following.
    ///   - deathSignal: the signal that it gets when the test process dies, without `SIG`.
    /// - Throws: ``ServerProcessError``. A program that does not exist starts and ends with code 127.
    public init(
        _ executable: String, arguments: [String] = [], environment: [String: String] = [:],
        in folder: String, user: String? = nil, passed: [Int32] = [],
        deathSignal: String = "KILL"
    ) throws(ServerProcessError) {
        name = executable.split(separator: "/").last.map(String.init) ?? executable
        log = folder + "/" + name + ".log"
        var command = ["/usr/bin/env", "--chdir", folder]
        command += ["setpriv", "--pdeathsig", deathSignal]
        if let user { command += ["--reuid", user, "--regid", user, "--init-groups"] }
        let request = SpawnRequest(
            command: command + ["--", executable] + arguments,
            environment: ProcessInfo.processInfo.environment.merging(environment) { $1 },
            log: log, passed: passed)
        let spawned = Mutex<pid_t>(0)
        SpawningThread.shared.run { spawned.withLock { $0 = spawn(request) } }
        let result = spawned.withLock { $0 }
        guard result > 0 else {
            throw ServerProcessError(description: "\(name): cannot start, error \(-result)")
        }
        pid = result
    }

    deinit {
        guard reap(WNOHANG) == nil else { return }
        kill(-pid, SIGKILL)
        _ = reap(0)
    }

    /// False once it has ended.
    public var isRunning: Bool { reap(WNOHANG) == nil }

    /// Sends a signal. Does nothing once the process has ended, because another one may have its id by then.
    public func signal(_ number: Int32) {
        end.withLock { end in
            if end == nil { kill(pid, number) }
        }
    }

    /// Waits until it ends by itself.
    /// - Throws: ``NeverHeld`` if it does not end in time. It still runs then.
    public func waitForEnd(within limit: Duration = .seconds(20)) async throws -> ProcessEnd {
        try await eventually("the end of \(name)", within: limit) { !isRunning }
        return reap(0) ?? .code(-1)
    }

    /// Sends a signal, by default SIGTERM, and waits for the end.
    /// - Throws: ``ServerProcessError`` with the end of its log if it does not end in time. Then it is
    ///   killed, with its whole group.
    @discardableResult
    public func terminate(
        _ number: Int32? = nil, within limit: Duration = .seconds(20)
    ) async throws -> ProcessEnd {
        signal(number ?? SIGTERM)
        do {
            return try await waitForEnd(within: limit)
        } catch {
            kill(-pid, SIGKILL)
            _ = reap(0)
            throw ServerProcessError(description: "\(error); its log ends with:\n\(logTail())")
        }
    }

    /// Everything it has written so far.
    public var logText: String { logTail(lines: .max) }

    /// The last lines it wrote, for a failing test's message.
    public func logTail(lines: Int = 20) -> String {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").suffix(lines).joined(separator: "\n")
    }

    /// Waits until a line of its log, from the first one on, has all of these texts. A daemon answers before
    /// it writes its log.
    /// - Throws: ``NeverHeld`` with the end of the log.
    public func logs(
        _ texts: String..., within limit: Duration = .seconds(60)
    ) async throws {
        let file = FileHandle(forReadingAtPath: log)
        // The beginning of a line whose end is not there yet.
        var rest = ""
        try await eventually(
            "the log of \(name) has a line with \(texts); it ends:\n\(logTail(lines: 5))",
            within: limit
        ) {
            rest += String(decoding: try file?.readToEnd() ?? Data(), as: UTF8.self)
            let lines = rest.split(separator: "\n", omittingEmptySubsequences: false)
            defer { rest = lines.last.map(String.init) ?? "" }
            return lines.contains { line in texts.allSatisfy { line.contains($0) } }
        }
    }

    /// Collects the exit status, once. Nil if it still runs and `options` has WNOHANG.
    private func reap(_ options: Int32) -> ProcessEnd? {
        end.withLock { end in
            if let end { return end }
            var status: Int32 = 0
            var result = unsafe waitpid(pid, &status, options)
            while result < 0 && errno == EINTR { result = unsafe waitpid(pid, &status, options) }
            guard result == pid else { return nil }
            let signal = status & 0x7F
            end = signal == 0 ? .code((status >> 8) & 0xFF) : .signal(signal)
            return end
        }
    }
}
