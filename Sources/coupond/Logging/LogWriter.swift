/// Writes the log on a thread of its own, so a stopped reader of standard error stops nothing else.
///
/// Lines wait in a buffer. If it is full they are dropped and counted; a later line and a metric report the
/// number. Code that logs never waits.
internal import CouponCore
internal import Glibc
internal import Logging
internal import SerialThreads
internal import Synchronization

final class LogWriter: Sendable {
    private struct State {
        /// Lines that are written next.
        var buffer: [UInt8] = []
        /// Bytes in the buffer, and bytes that are being written.
        var unwritten = 0
        /// Whether the thread writes, or will.
        var isWriting = false
        var filter = RepeatFilter()
        /// Whether the thread will report the lines that were counted.
        var isReportPlanned = false
        /// Lines that were dropped and are not reported.
        var dropped = 0
        var didDrop: @Sendable (Int) -> Void = { _ in }
    }

    private let descriptor: Int32
    private let isJSON: Bool
    private let isJournal: Bool
    private let limit: Int
    private let thread = SerialThread(name: "coupond.log")
    private let state = Mutex(State())

    /// - Parameters:
    ///   - isJournal: whether lines begin with their priority.
    ///   - limit: how many bytes may wait.
    init(
        descriptor: Int32, isJSON: Bool, isJournal: Bool = false, limit: Int = Limits.logBytes
    ) {
        self.descriptor = descriptor
        self.isJSON = isJSON
        self.isJournal = isJournal
        self.limit = limit
    }

    /// Calls a function with the number of lines, each time that lines are dropped.
    func countDrops(_ count: @escaping @Sendable (Int) -> Void) {
        state.withLock { $0.didDrop = count }
    }

    /// Writes a line soon, or counts it if it repeats another one.
    func add(_ line: LogLine) {
        let now = ContinuousClock.now
        let (lines, mustPlan) = state.withLock { state in
            let lines = state.filter.judge(line, at: now)
            return (lines, Self.mustPlanReport(&state))
        }
        for line in lines { append(line) }
        if mustPlan { planReport() }
    }

    /// Reports the lines that were counted, and waits until everything is written or the time is over.
    func flush(withinMilliseconds milliseconds: Int64) {
        for line in state.withLock({ $0.filter.removeCounted(at: nil) }) { append(line) }
        let deadline = ContinuousClock.now + .milliseconds(milliseconds)
        while state.withLock({ $0.isWriting }), ContinuousClock.now < deadline { usleep(1_000) }
    }

    private func append(_ line: LogLine) {
        let bytes = line.bytes(isJSON: isJSON, isJournal: isJournal)
        let (isDropped, mustWrite, didDrop) = state.withLock { state in
            guard state.unwritten + bytes.count <= limit else {
                state.dropped += 1
                return (true, false, state.didDrop)
            }
            let mustWrite = !state.isWriting
            Self.add(bytes, to: &state)
            return (false, mustWrite, state.didDrop)
        }
        if isDropped { didDrop(1) }
        if mustWrite { thread.perform { self.writeAll() } }
    }

    private static func add(_ bytes: [UInt8], to state: inout State) {
        state.buffer += bytes
        state.unwritten += bytes.count
        state.isWriting = true
    }

    // MARK: Repeated lines

    private static func mustPlanReport(_ state: inout State) -> Bool {
        guard state.filter.hasCounted, !state.isReportPlanned else { return false }
        state.isReportPlanned = true
        return true
    }

    private func planReport() {
        thread.perform(after: Int(Limits.logRepeatMilliseconds)) {
            let now = ContinuousClock.now
            let (lines, mustPlan) = self.state.withLock { state in
                state.isReportPlanned = false
                let lines = state.filter.removeCounted(at: now)
                return (lines, Self.mustPlanReport(&state))
            }
            for line in lines { self.append(line) }
            if mustPlan { self.planReport() }
        }
    }

    // MARK: On the thread

    private func writeAll() {
        while let bytes = nextBuffer() { write(bytes) }
    }

    private func nextBuffer() -> [UInt8]? {
        state.withLock { state in
            if state.buffer.isEmpty && state.dropped > 0 {
                let note = LogLine(
                    level: .warning, label: "coupond.log",
                    message: "lines of the log were dropped: nobody read them in time",
                    values: [LogLine.Value(key: LogKey.lines, text: "\(state.dropped)")])
                state.dropped = 0
                Self.add(note.bytes(isJSON: isJSON, isJournal: isJournal), to: &state)
            }
            guard !state.buffer.isEmpty else {
                state.isWriting = false
                return nil
            }
            let bytes = state.buffer
            state.buffer = []
            return bytes
        }
    }

    private func write(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = send(Self.piece(of: rest))
            guard let sent else {
                // There is no reader, so no later line can report these.
                let lines = rest.count { $0 == UInt8(ascii: "\n") }
                let didDrop = state.withLock { state in
                    state.unwritten -= rest.count
                    return state.didDrop
                }
                return didDrop(lines)
            }
            rest = rest.dropFirst(sent)
            state.withLock { $0.unwritten -= sent }
        }
    }

    /// As many whole lines as a pipe accepts in one piece, so another writer to the same pipe does not break
    /// them. A longer line goes in parts.
    private static func piece(of bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let piece = bytes.prefix(Int(PIPE_BUF))
        guard let end = piece.lastIndex(of: UInt8(ascii: "\n")) else { return piece }
        return piece[...end]
    }

    /// Waits until the reader reads.
    /// - Returns: how many bytes were written; nil if there is no reader any more.
    private func send(_ piece: ArraySlice<UInt8>) -> Int? {
        while true {
            let sent = unsafe piece.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if sent >= 0 { return sent }
            guard errno == EAGAIN || errno == EINTR else { return nil }
            var target = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            _ = unsafe poll(&target, 1, -1)
        }
    }
}

/// Writes whole lines, and waits for the reader. For messages before the log begins, which may quote
/// arguments.
/// - Returns: false if it cannot be written; `errno` says why.
@discardableResult
func writeLine(_ line: String, to descriptor: Int32) -> Bool {
    var rest = Array((line.safeLinesForTerminal + "\n").utf8)[...]
    while !rest.isEmpty {
        let sent = unsafe rest.withUnsafeBytes {
            unsafe write(descriptor, $0.baseAddress, $0.count)
        }
        if sent < 0, errno == EAGAIN {
            var target = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            _ = unsafe poll(&target, 1, -1)
        } else if sent <= 0, errno != EINTR {
            return false
        }
        rest = rest.dropFirst(max(0, sent))
    }
    return true
}
