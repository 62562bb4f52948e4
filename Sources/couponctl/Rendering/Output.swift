internal import ArgumentParser
internal import CouponCore
internal import Glibc

/// Standard output, where the answers go. An answer that cannot be written is an error: the exit code must
/// not say that all is well.
enum Output {
    /// Prints a document or lines, as the caller asked for.
    static func show(
        _ document: @autoclosure () -> JSONValue, _ lines: @autoclosure () -> [String], json: Bool
    ) throws(OutputLost) {
        try write(json ? [document().description] : lines())
    }

    /// Writes whole lines at once.
    static func write(_ lines: [String]) throws(OutputLost) {
        try write(lines.map { $0 + "\n" }.joined())
    }

    /// Writes a text as it is.
    static func write(_ text: String) throws(OutputLost) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let sent = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count)
            }
            if sent >= 0 {
                rest = rest.dropFirst(sent)
            } else if errno == EAGAIN {
                var target = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&target, 1, -1)
            } else if errno != EINTR {
                throw OutputLost(errorNumber: errno)
            }
        }
    }

    /// Whether a pipe has lost its reader. A command that only waits would not notice it otherwise.
    static var hasNoReader: Bool {
        var target = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        return unsafe poll(&target, 1, 0) == 1 && target.revents & Int16(POLLERR) != 0
    }

    /// Waits until the next look. Throws at once if nobody reads the output any more.
    static func pause(_ span: TimeSpan) async throws {
        let end = ContinuousClock.now + .milliseconds(span.milliseconds)
        while ContinuousClock.now < end {
            if hasNoReader { throw OutputLost(errorNumber: EPIPE) }
            try await Task.sleep(
                until: min(end, .now + .milliseconds(100)), clock: .continuous)
        }
    }
}

/// Standard output could not be written.
struct OutputLost: Error, Equatable {
    let errorNumber: Int32

    /// Reports it on standard error, unless the reader of a pipe has closed it.
    /// - Returns: What to throw.
    func reported() -> ExitCode {
        if errorNumber != EPIPE {
            let reason = unsafe String(cString: strerror(errorNumber))
            standardError(
                "couponctl: standard output cannot be written: \(reason). "
                    + "What the command did stays done\n")
        }
        return CommandExit.outputLost.code
    }
}

/// Writes to standard error, because standard output is for programs.
func standardError(_ text: String) {
    var text = text
    // A closed standard error is no reason to fail.
    text.withUTF8 { bytes in _ = unsafe write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
}
