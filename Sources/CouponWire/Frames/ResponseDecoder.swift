// From a frame's bytes to an answer: the client's side.

internal import CCouponProto
internal import CProtobufC
public import CouponDomain

/// A frame whose answer cannot be read, or is not known here.
public struct UnreadableResponse: Error, Equatable, Sendable {
    /// Which request it answers; nil if it could not be read: then the
    /// connection cannot be used any more.
    public let id: UInt64?
    /// What is wrong with it.
    public let reason: String

    /// An unreadable answer.
    public init(id: UInt64?, reason: String) {
        self.id = id
        self.reason = reason
    }
}

/// Decodes answers, one after the other, in memory of its own that it never exceeds.
public struct ResponseDecoder: ~Copyable {
    private var arena: MessageArena

    /// - Parameter memoryBytes: what one answer may cost once unpacked, in bytes.
    public init(memoryBytes: Int = Limits.answerMemoryBytes) {
        arena = MessageArena(bytes: memoryBytes)
    }

    /// Decodes one message, without its length.
    ///
    /// - Throws: if the bytes are not a protobuf message, or contain a value that is not known here,
    ///   which a later daemon may send.
    public mutating func decode(_ message: RawSpan) throws(UnreadableResponse) -> Response {
        arena.reset()
        guard let raw = unsafe arena.unpack(message, coupond__v1__response__unpack) else {
            let reason =
                arena.isExhausted
                ? "frame: has too many fields" : "frame: is not a protobuf message"
            throw UnreadableResponse(id: nil, reason: reason)
        }
        do throws(Failure) {
            return Response(id: raw.id, result: try Response.Result(raw))
        } catch {
            throw UnreadableResponse(id: raw.id, reason: error.message)
        }
    }
}
