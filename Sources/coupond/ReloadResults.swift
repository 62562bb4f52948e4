/// The results of reloads by SIGHUP, for `coupond reload`: a signal has no answer. They are in a file of the
/// service's runtime folder, so that a reload needs no listener, no token and no certificate.
internal import CouponCore
internal import Glibc
internal import Logging
internal import Synchronization

final class ReloadResults: Sendable {
    /// What became of a reload.
    enum State: Equatable {
        /// None has begun since the last one.
        case waiting
        case running
        /// What has changed.
        case done(String)
        /// The reason; nothing has changed.
        case failed(String)
    }

    /// One line of the file: such as `4711 3 done reloaded`.
    struct Entry: Equatable {
        /// Of the daemon.
        let processID: Int32
        /// How many reloads have begun.
        let number: Int
        let state: State
    }

    private let path: String
    private let logger: Logger
    private let begun = Mutex(0)

    /// Nil if the service has no runtime folder.
    /// - Parameter environment: the process's; RUNTIME_DIRECTORY is read.
    init?(environment: [String: String], _ logger: Logger) {
        guard let path = Self.path(environment) else { return nil }
        self.path = path
        self.logger = logger
    }

    /// Nil without RUNTIME_DIRECTORY.
    static func path(_ environment: [String: String]) -> String? {
        // RuntimeDirectory= may name several.
        guard let folder = environment["RUNTIME_DIRECTORY"]?.split(separator: ":").first,
            folder.hasPrefix("/")
        else { return nil }
        return folder + "/reload"
    }

    /// The next reload begins.
    func begin() {
        begun.withLock { $0 += 1 }
        write(.running)
    }

    /// Replaces the entry. If that fails, `coupond reload` says after a while that it saw no result.
    func write(_ state: State) {
        let entry = Entry(processID: getpid(), number: begun.withLock { $0 }, state: state)
        let (text, new) = (Array(entry.text.utf8), path + ".new")
        let file = unsafe open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { return report(errno) }
        errno = ENOSPC
        let isWritten = unsafe Glibc.write(file, text, text.count) == text.count
        let error = errno
        close(file)
        guard isWritten else {
            _ = unsafe unlink(new)
            return report(error)
        }
        if unsafe rename(new, path) != 0 { report(errno) }
    }

    private func report(_ error: Int32) {
        logger.warning(
            "the result of a reload cannot be written",
            metadata: [LogKey.reason: "\(path): \(systemError(error))"])
    }

    /// The entry of a file; nil if there is none.
    static func entry(inFile path: String) -> Entry? {
        let bytes = (try? contents(ofFile: path, limit: 65_536)) ?? []
        return Entry(String(decoding: bytes, as: UTF8.self))
    }
}

extension ReloadResults.Entry {
    fileprivate var text: String {
        let word =
            switch state {
            case .waiting: "waiting"
            case .running: "running"
            case .done(let text): "done " + text.safeForTerminal
            case .failed(let reason): "failed " + reason.safeForTerminal
            }
        return "\(processID) \(number) \(word)\n"
    }

    /// From its text.
    init?(_ text: String) {
        let words = text.split(whereSeparator: \.isNewline).first?.split(
            separator: " ", maxSplits: 3)
        guard let words, words.count >= 3, let processID = Int32(words[0]),
            let number = Int(words[1])
        else { return nil }
        self.processID = processID
        self.number = number
        switch words[2] {
        case "waiting": state = .waiting
        case "running": state = .running
        case "done": state = .done(words.count == 4 ? String(words[3]) : "")
        case "failed": state = .failed(words.count == 4 ? String(words[3]) : "")
        default: return nil
        }
    }
}
