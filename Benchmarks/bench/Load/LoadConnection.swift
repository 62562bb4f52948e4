/// One connection of the load generator: a buffer for questions, one for answers, and the times of the
/// questions.
internal import Glibc

@safe final class LoadConnection<D: Dialect> {
    let descriptor: Int32
    /// Nil without TLS.
    private let stream: TLSStream?
    private(set) var unanswered = 0

    private let dialect: D
    private let outgoing: UnsafeMutableRawBufferPointer
    private var outgoingBytes = 0
    private let incoming = UnsafeMutableRawBufferPointer.allocate(
        byteCount: 1 << 14, alignment: 16)
    private var incomingBytes = 0
    /// When each question was due, by slot.
    private let dueAt: UnsafeMutableBufferPointer<Int>
    private var nextSlot = 0
    private var oldestSlot = 0

    /// - Parameter capacity: the most questions in flight.
    init(_ dialect: D, port: Int, capacity: Int, tls: LoadTLS?) throws {
        self.dialect = dialect
        unsafe outgoing = .allocate(byteCount: capacity * dialect.questionLength, alignment: 16)
        unsafe dueAt = .allocate(capacity: capacity)
        descriptor = try connectLoopback(port: port, isBlocking: tls != nil)
        stream = try tls.map { [descriptor] in try TLSStream($0, descriptor: descriptor) }
    }

    deinit {
        close(descriptor)
        unsafe outgoing.deallocate()
        unsafe incoming.deallocate()
        unsafe dueAt.deallocate()
    }

    /// Whether one more question may be sent.
    var hasRoom: Bool { unsafe unanswered < dueAt.count }

    /// Adds a question to what `send` will send.
    func ask(_ number: Int, dueAt moment: Int) {
        let slot = unsafe nextSlot % dueAt.count
        nextSlot += 1
        unanswered += 1
        unsafe dueAt[slot] = moment
        guard let start = unsafe outgoing.baseAddress else { return }
        unsafe dialect.write(number, slot: slot, to: start + outgoingBytes)
        outgoingBytes += dialect.questionLength
    }

    /// Sends all added questions.
    func send() throws {
        var sent = 0
        while sent < outgoingBytes {
            guard let start = unsafe outgoing.baseAddress else { return }
            let (bytes, left) = unsafe (start + sent, outgoingBytes - sent)
            let count =
                unsafe stream?.send(bytes, left)
                ?? Glibc.send(descriptor, bytes, left, Int32(MSG_NOSIGNAL))
            if count < 0 {
                guard errno == EAGAIN else { throw BenchmarkError.call("send") }
                var writable = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                guard unsafe poll(&writable, 1, 5_000) == 1 else {
                    throw BenchmarkError("a connection could not send for five seconds")
                }
                continue
            }
            sent += count
        }
        outgoingBytes = 0
    }

    /// Reads once, and calls `body` for each whole answer: with its code, and with the time when its question
    /// was due.
    func receive(_ body: (_ code: Int, _ dueAt: Int) -> Void) throws {
        repeat { try receiveOnce(body) } while stream?.hasBytes == true
    }

    private func receiveOnce(_ body: (_ code: Int, _ dueAt: Int) -> Void) throws {
        guard let start = unsafe incoming.baseAddress else { return }
        let (room, size) = unsafe (start + incomingBytes, incoming.count - incomingBytes)
        let count = unsafe stream?.receive(room, size) ?? recv(descriptor, room, size, 0)
        guard count > 0 else {
            if count < 0 && errno == EAGAIN { return }
            throw count == 0
                ? BenchmarkError("a connection was closed") : BenchmarkError.call("recv")
        }
        incomingBytes += count
        var offset = 0
        while let answer = unsafe dialect.answer(start + offset, count: incomingBytes - offset) {
            offset += answer.length
            unanswered -= 1
            let slot = unsafe answer.slot ?? oldestSlot % dueAt.count
            oldestSlot += 1
            guard unsafe dueAt.indices.contains(slot) else {
                throw BenchmarkError("an answer without a question")
            }
            unsafe body(answer.code, dueAt[slot])
        }
        incomingBytes -= offset
        if incomingBytes > 0 && offset > 0 {
            unsafe memmove(start, start + offset, incomingBytes)
        }
    }
}
