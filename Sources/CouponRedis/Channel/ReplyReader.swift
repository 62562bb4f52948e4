/// hiredis' parser for the bytes that a channel reads.
internal import CHiredis
internal import NIOCore

/// Owns hiredis' reader and frees it.
@safe
struct ReplyReader: ~Copyable {
    private let reader: UnsafeMutablePointer<redisReader>
    private var bytesSinceReply = 0

    /// Nil if there is no memory.
    init?() {
        guard let reader = unsafe redisReaderCreate() else { return nil }
        unsafe reader.limitArrays()
        unsafe self.reader = unsafe reader
    }

    deinit { unsafe redisReaderFree(reader) }

    mutating func feed(_ bytes: RawSpan) throws(ProtocolFailure) {
        bytesSinceReply += bytes.byteCount
        guard bytesSinceReply <= ReplyLimits.maximumBytes else {
            throw ProtocolFailure(text: ReplyLimits.tooLarge)
        }
        let result = unsafe bytes.withUnsafeBytes { raw in
            unsafe redisReaderFeed(
                reader, raw.baseAddress?.assumingMemoryBound(to: CChar.self), raw.count)
        }
        guard result == REDIS_OK else { throw failure() }
    }

    /// The next whole reply; nil if more bytes are needed.
    mutating func next() throws(ProtocolFailure) -> Reply? {
        var raw: UnsafeMutableRawPointer?
        // REDIS_OK with NULL: not whole yet. REDIS_ERR: not Redis' protocol; it stays an error.
        guard unsafe redisReaderGetReply(reader, &raw) == REDIS_OK else { throw failure() }
        guard let raw = unsafe raw else { return nil }
        defer { unsafe freeReplyObject(raw) }
        bytesSinceReply = 0
        return unsafe Reply(copying: unsafe raw.assumingMemoryBound(to: redisReply.self))
    }

    private func failure() -> ProtocolFailure {
        ProtocolFailure(
            text: unsafe withUnsafeBytes(of: &reader.pointee.errstr) { bytes in
                unsafe String(errorText: bytes)
            })
    }
}

/// The bytes are not Redis' protocol.
struct ProtocolFailure: Error {
    let text: String
}
