/// Messages to bytes and back, with the memory that this needs: one for each event loop.
internal import CouponCore
internal import CouponWire
internal import NIOCore

struct Codec: ~Copyable {
    private var decoder = RequestDecoder()
    private var encoder = FrameEncoder()
    private var outcomeEncoder = OutcomeEncoder()
    private var statusEncoder = StatusEncoder()

    mutating func decode(_ message: RawSpan) throws(RefusedRequest) -> Request {
        try decoder.decode(message)
    }

    /// Nil if the message is not a valid issue request.
    mutating func decodeIssue(_ message: RawSpan) -> PlainIssueRequest? {
        decoder.decodeIssue(message)
    }

    /// - Returns: false if the answer did not fit in a frame, so that the caller gets INTERNAL.
    @discardableResult
    mutating func encode(_ response: Response, into buffer: inout ByteBuffer) -> Bool {
        if case .couponStatus(let status) = response.result,
            encode(status, id: response.id, into: &buffer)
        {
            return true
        }
        let size = encoder.prepare(response)
        buffer.writeWithOutputRawSpan(minimumWritableBytes: size) { encoder.write(into: &$0) }
        return !encoder.hasReplacedAnswer
    }

    mutating func encode(_ failure: Failure, id: UInt64, into buffer: inout ByteBuffer) {
        encode(Response(id: id, result: .failure(failure)), into: &buffer)
    }

    mutating func encode(_ outcome: Outcome, id: UInt64, into buffer: inout ByteBuffer) {
        buffer.writeWithOutputRawSpan(minimumWritableBytes: OutcomeEncoder.maximumBytes) {
            outcomeEncoder.write(outcome, id: id, into: &$0)
        }
    }

    /// False if it is not one of the statuses that the fast encoder can write.
    private mutating func encode(
        _ status: CouponStatus, id: UInt64, into buffer: inout ByteBuffer
    ) -> Bool {
        var isWritten = false
        buffer.writeWithOutputRawSpan(minimumWritableBytes: StatusEncoder.maximumBytes) {
            isWritten = statusEncoder.write(status, id: id, into: &$0)
        }
        return isWritten
    }
}
