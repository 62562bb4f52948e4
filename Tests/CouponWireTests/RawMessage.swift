// Protobuf by hand: messages that no client library sends.

/// A message under construction.
struct RawMessage {
    private(set) var bytes: [UInt8] = []

    /// A field of a number.
    func number(_ field: UInt64, _ value: UInt64) -> RawMessage {
        appending(field << 3).appending(value)
    }

    /// A field of a signed number.
    func number(_ field: UInt64, signed value: Int64) -> RawMessage {
        number(field, UInt64(bitPattern: value))
    }

    /// A field of bytes, a text or a message.
    func bytes(_ field: UInt64, _ value: [UInt8]) -> RawMessage {
        var next = appending(field << 3 | 2).appending(UInt64(value.count))
        next.bytes += value
        return next
    }

    /// A field of a message.
    func message(_ field: UInt64, _ value: RawMessage) -> RawMessage { bytes(field, value.bytes) }

    private func appending(_ varint: UInt64) -> RawMessage {
        var next = self
        var rest = varint
        while rest >= 0x80 {
            next.bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        next.bytes.append(UInt8(rest))
        return next
    }
}

/// A message that repeats one piece as often as fits in a frame.
func repeated(_ piece: RawMessage, upTo limit: Int = 65_536) -> [UInt8] {
    Array(repeatElement(piece.bytes, count: limit / piece.bytes.count).joined())
}
