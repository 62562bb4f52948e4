// From a frame's bytes to a valid request. A wrong field is refused here, by its name; a decoded request
// needs no further check.

internal import CCouponProto
internal import CProtobufC
public import CouponDomain

/// A frame without a valid request. The connection stays usable.
public struct RefusedRequest: Error, Equatable, Sendable {
    /// The request's id; 0 if it could not be read.
    public let id: UInt64
    /// What to answer.
    public let failure: Failure

    /// A refusal.
    public init(id: UInt64, failure: Failure) {
        self.id = id
        self.failure = failure
    }
}

/// Decodes requests, one after the other, in memory of its own that it never exceeds.
///
/// An issue request costs no allocation.
public struct RequestDecoder: ~Copyable {
    private var arena: MessageArena

    /// - Parameter memoryBytes: what one message may cost once unpacked, in bytes.
    public init(memoryBytes: Int = Limits.messageMemoryBytes) {
        arena = MessageArena(bytes: memoryBytes)
    }

    /// Decodes a message that is a valid issue request without a token and without a trace.
    ///
    /// Nil for anything else, which `decode` handles. Costs no allocation.
    public mutating func decodeIssue(_ message: RawSpan) -> PlainIssueRequest? {
        arena.reset()
        // A token, a trace or another method is an unknown field here.
        guard
            let raw = unsafe arena.unpack(
                message, coupond__frames__v1__issue_request_frame__unpack),
            !raw.hasUnknownFields, let issue = raw.issue
        else { return nil }
        do throws(Failure) {
            let deadline = raw.deadline_ms
            return PlainIssueRequest(
                id: raw.id, deadlineMilliseconds: deadline == 0 ? nil : deadline,
                issue: try IssueRequest(issue))
        } catch {
            return nil
        }
    }

    /// Decodes one message, without its length.
    ///
    /// - Throws: INVALID_ARGUMENT for what is not protobuf, for a missing method and for a field
    ///   out of its bounds; UNIMPLEMENTED for a method unknown here; RESOURCE_EXHAUSTED beyond the
    ///   memory budget.
    public mutating func decode(_ message: RawSpan) throws(RefusedRequest) -> Request {
        arena.reset()
        guard let raw = unsafe arena.unpack(message, coupond__v1__request__unpack) else {
            throw RefusedRequest(id: Self.leadingID(of: message), failure: whyNotUnpacked)
        }
        do throws(Failure) {
            return try Request(raw)
        } catch {
            throw RefusedRequest(id: raw.id, failure: error)
        }
    }

    private var whyNotUnpacked: Failure {
        arena.isExhausted
            ? Failure(.resourceExhausted, "frame: has too many fields")
            : Failure(.invalidArgument, "frame: is not a protobuf message")
    }

    /// The id of a message that cannot be unpacked, if it comes first, as every serializer
    /// writes it. With it the client knows which of its requests failed.
    private static func leadingID(of message: RawSpan) -> UInt64 {
        let tagOfID: UInt8 = 1 << 3
        let longestVarint = 10
        guard message.byteCount > 1, unsafe message.unsafeLoad(as: UInt8.self) == tagOfID else {
            return 0
        }
        var id: UInt64 = 0
        for index in 1..<min(message.byteCount, longestVarint + 1) {
            let byte = unsafe message.unsafeLoad(fromByteOffset: index, as: UInt8.self)
            id |= UInt64(byte & 0x7F) << UInt64(7 * (index - 1))
            if byte < 0x80 { return id }
        }
        return 0
    }
}
