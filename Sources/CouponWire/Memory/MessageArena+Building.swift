// Parts of a message that is about to be written.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

extension MessageArena {
    /// A struct of libprotobuf-c in its initial state, made by its generated `…__init`.
    mutating func make<Message>(
        _ initialize: (UnsafeMutablePointer<Message>?) -> Void
    ) throws(Failure) -> UnsafeMutablePointer<Message> {
        let message = unsafe try room(for: Message.self, count: 1)
        unsafe initialize(message)
        return unsafe message
    }

    /// Room for an array.
    mutating func room<Value>(
        for _: Value.Type, count: Int
    ) throws(Failure) -> UnsafeMutablePointer<Value> {
        guard let room = unsafe allocate(Value.self, count: count) else {
            throw Failure(.invalidArgument, "frame: the message does not fit")
        }
        return unsafe room
    }

    /// A text, whole.
    mutating func text(_ text: String) throws(Failure) -> ProtobufCBinaryData {
        unsafe try copy(of: text.utf8)
    }

    /// The beginning of a text, cut between two characters if it is longer than `limit` bytes.
    mutating func text(_ text: String, upTo limit: Int) throws(Failure) -> ProtobufCBinaryData {
        guard text.utf8.count > limit else { return unsafe try self.text(text) }
        var end = text.utf8.index(text.utf8.startIndex, offsetBy: limit)
        while end.samePosition(in: text) == nil { text.utf8.formIndex(before: &end) }
        return unsafe try self.text(String(text[..<end]))
    }

    /// Bytes.
    mutating func bytes(_ bytes: [UInt8]) throws(Failure) -> ProtobufCBinaryData {
        unsafe try copy(of: bytes)
    }

    /// A request id.
    mutating func bytes(_ id: RequestID) throws(Failure) -> ProtobufCBinaryData {
        let copy = unsafe try room(for: UInt64.self, count: 2)
        unsafe copy[0] = id.highBits.bigEndian
        unsafe copy[1] = id.lowBits.bigEndian
        let bytes = unsafe UnsafeMutableRawPointer(copy).assumingMemoryBound(to: UInt8.self)
        return unsafe ProtobufCBinaryData(len: id.count, data: bytes)
    }

    private mutating func copy(
        of bytes: some Collection<UInt8>
    ) throws(Failure) -> ProtobufCBinaryData {
        let count = bytes.count
        let copy = unsafe try room(for: UInt8.self, count: count)
        _ = unsafe UnsafeMutableBufferPointer(start: copy, count: count).initialize(from: bytes)
        return unsafe ProtobufCBinaryData(len: count, data: copy)
    }
}
