/// One connection of the load generator: a buffer for questions, one for answers, and who waits since when.
internal import Glibc

@safe final class LoadConnection<D: Dialect> {
    let descriptor: Int32
    private(set) var unanswered = 0

    private let dialect: D
    private let outgoing: UnsafeMutableRawBufferPointer
    private var outgoingBytes = 0
    private let incoming = UnsafeMutableRawBufferPointer.allocate(
        byteCount: 1 << 14, alignment: 16)
    private var incomingBytes = 0
    /// When each question was meant to be sent, by slot.
    private let meantAt: UnsafeMutableBufferPointer<Int>
    private var nextSlot = 0
    private var oldestSlot = 0

    /// - Parameter capacity: questions on their way at most.
    init(_ dialect: D, port: Int, capacity: Int) throws {
        self.dialect = dialect
        unsafe outgoing = .allocate(byteCount: capacity * dialect.questionLength, alignment: 16)
        unsafe meantAt = .allocate(capacity: capacity)
        descriptor = try connectLoopback(port: port)
    }

    deinit {
        close(descriptor)
        unsafe outgoing.deallocate()
        unsafe incoming.deallocate()
        unsafe meantAt.deallocate()
    }

    /// Whether one more question may be on its way.
    var hasRoom: Bool { unsafe unanswered < meantAt.count }

    /// Adds a question to what `send` will send.
    func ask(_ number: Int, meantAt moment: Int) {
        let slot = unsafe nextSlot % meantAt.count
        nextSlot += 1
        unanswered += 1
        unsafe meantAt[slot] = moment
        guard let start = unsafe outgoing.baseAddress else { return }
        unsafe dialect.write(number, slot: slot, to: start + outgoingBytes)
        outgoingBytes += dialect.questionLength
    }

    /// Sends what was asked, all of it.
    func send() throws {
        var sent = 0
        while sent < outgoingBytes {
            let count = unsafe Glibc.send(
                descriptor, outgoing.baseAddress.map { unsafe $0 + sent }, outgoingBytes - sent,
                Int32(MSG_NOSIGNAL))
            if count < 0 {
                guard errno == EAGAIN else { throw BenchmarkError.call("send") }
                var writable = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                guard unsafe poll(&writable, 1, 5_000) == 1 else {
                    throw BenchmarkError("a connection took nothing for five seconds")
                }
                continue
            }
            sent += count
        }
        outgoingBytes = 0
    }

    /// Reads once, and hands on each whole answer: its code, and when its question was meant to be sent.
    func receive(_ body: (_ code: Int, _ meantAt: Int) -> Void) throws {
        guard let start = unsafe incoming.baseAddress else { return }
        let count = unsafe recv(
            descriptor, start + incomingBytes, incoming.count - incomingBytes, 0)
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
            let slot = unsafe answer.slot ?? oldestSlot % meantAt.count
            oldestSlot += 1
            guard unsafe meantAt.indices.contains(slot) else {
                throw BenchmarkError("an answer to no question")
            }
            unsafe body(answer.code, meantAt[slot])
        }
        incomingBytes -= offset
        if incomingBytes > 0 && offset > 0 {
            unsafe memmove(start, start + offset, incomingBytes)
        }
    }
}
