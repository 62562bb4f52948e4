// Parts of a message that is about to be written.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

extension MessageArena {
    /// A message in its initial state.
    @_lifetime(borrow self)
    func make<Message: WireMessage>(
        _: Message.Type
    ) throws(Failure) -> Part<Message> {
        let message = unsafe try room(for: Message.self, count: 1)
        let base = unsafe UnsafeMutableRawPointer(message).assumingMemoryBound(
            to: ProtobufCMessage.self)
        unsafe Message.descriptor.message_init(base)
        return unsafe Part(message, in: self)
    }

    /// An empty array with room for `capacity` messages.
    @_lifetime(borrow self)
    func list<Element: WireMessage>(
        of _: Element.Type, capacity: Int
    ) throws(Failure) -> PartList<Element> {
        let room = unsafe try room(for: UnsafeMutablePointer<Element>?.self, count: capacity)
        return unsafe PartList(room, capacity: capacity, in: self)
    }

    /// An empty array with room for `capacity` texts.
    @_lifetime(borrow self)
    func texts(capacity: Int) throws(Failure) -> TextList {
        let room = unsafe try room(for: ProtobufCBinaryData.self, count: capacity)
        return unsafe TextList(room, capacity: capacity, in: self)
    }

    /// An array of numbers.
    @_lifetime(borrow self)
    func numbers(_ values: [Int64]) throws(Failure) -> NumberList {
        let copy = unsafe try room(for: Int64.self, count: values.count)
        _ = unsafe UnsafeMutableBufferPointer(start: copy, count: values.count)
            .initialize(from: values)
        return unsafe NumberList(copy, count: values.count, in: self)
    }

    /// A text, whole.
    @_lifetime(borrow self)
    func text(_ text: String) throws(Failure) -> WireBytes {
        try copy(of: text.utf8)
    }

    /// The beginning of a text, cut between two characters if it is longer than `limit` bytes.
    @_lifetime(borrow self)
    func text(_ text: String, upTo limit: Int) throws(Failure) -> WireBytes {
        guard text.utf8.count > limit else { return try self.text(text) }
        var end = text.utf8.index(text.utf8.startIndex, offsetBy: limit)
        while end.samePosition(in: text) == nil { text.utf8.formIndex(before: &end) }
        return try self.text(String(text[..<end]))
    }

    /// Bytes.
    @_lifetime(borrow self)
    func bytes(_ bytes: [UInt8]) throws(Failure) -> WireBytes {
        try copy(of: bytes)
    }

    /// A request id.
    @_lifetime(borrow self)
    func bytes(_ id: RequestID) throws(Failure) -> WireBytes {
        let copy = unsafe try room(for: UInt64.self, count: 2)
        unsafe copy[0] = id.highBits.bigEndian
        unsafe copy[1] = id.lowBits.bigEndian
        let bytes = unsafe UnsafeMutableRawPointer(copy).assumingMemoryBound(to: UInt8.self)
        return unsafe WireBytes(ProtobufCBinaryData(len: id.count, data: bytes), in: self)
    }

    /// Room for an array, uninitialised.
    private func room<Value>(
        for _: Value.Type, count: Int
    ) throws(Failure) -> UnsafeMutablePointer<Value> {
        guard let room = unsafe allocate(Value.self, count: count) else {
            throw Failure(.invalidArgument, "frame: the message does not fit")
        }
        return unsafe room
    }

    @_lifetime(borrow self)
    private func copy(
        of bytes: some Collection<UInt8>
    ) throws(Failure) -> WireBytes {
        let count = bytes.count
        let copy = unsafe try room(for: UInt8.self, count: count)
        _ = unsafe UnsafeMutableBufferPointer(start: copy, count: count).initialize(from: bytes)
        return unsafe WireBytes(ProtobufCBinaryData(len: count, data: copy), in: self)
    }
}
