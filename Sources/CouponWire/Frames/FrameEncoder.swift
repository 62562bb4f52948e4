// From values to frames, in two steps: `prepare` builds libprotobuf-c's structs and returns the frame's
// length, `write` writes it into memory of the caller. So a frame is built once, and written straight into a
// socket's buffer.

internal import CCouponProto
internal import CProtobufC
public import CouponDomain

/// Encodes messages, one after the other, in memory of its own.
///
/// An issue request, its outcome and an error cost no allocation. Into a `ByteBuffer`:
///
///     let size = encoder.prepare(response)
///     buffer.writeWithOutputRawSpan(minimumWritableBytes: size) { encoder.write(into: &$0) }
@safe public struct FrameEncoder: ~Copyable {
    /// The structs of the largest message that fits in a frame, a list of coupons with short
    /// titles, take less than three times its bytes.
    private static let memoryBytes = 3 * Limits.frameBytes

    /// A message with its size in bytes.
    @unsafe private struct Prepared {
        let message: UnsafeMutablePointer<ProtobufCMessage>
        let size: Int
    }

    private var arena: MessageArena
    /// In the arena; nil once that is reset.
    private var prepared: Prepared?
    /// Whether the answer that was prepared last did not fit, so that an error takes its place. That is a
    /// fault of the daemon.
    public private(set) var hasReplacedAnswer = false

    /// An encoder.
    public init() {
        arena = MessageArena(bytes: Self.memoryBytes)
    }

    /// Prepares an answer for `write`.
    ///
    /// A list ends early if the frame is full; its reader continues after the last id. An error's
    /// text is cut at `Limits.maximumErrorTextBytes`.
    /// - Returns: the frame's size in bytes, its length included.
    public mutating func prepare(_ response: Response) -> Int {
        do throws(Failure) {
            hasReplacedAnswer = false
            return try size(of: response)
        } catch {
            hasReplacedAnswer = true
            let failure = Failure(.internal, "answer: does not fit in a frame")
            let answer = Response(id: response.id, result: .failure(failure))
            guard let size = try? size(of: answer) else {
                preconditionFailure("an error with a short text fits in a frame")
            }
            return size
        }
    }

    private mutating func size(of response: Response) throws(Failure) -> Int {
        reset()
        return unsafe try keep(Self.measure(try arena.response(response)))
    }

    /// Prepares a request for `write`.
    ///
    /// - Returns: the frame's size in bytes, its length included.
    /// - Throws: INVALID_ARGUMENT if it does not fit in a frame of `Limits.frameBytes`.
    public mutating func prepare(_ request: Request) throws(Failure) -> Int {
        reset()
        return unsafe try keep(Self.measure(try arena.request(request)))
    }

    /// Writes the frame prepared last.
    ///
    /// - Parameter output: with room for as many bytes as `prepare` said.
    public mutating func write(into output: inout OutputRawSpan) {
        guard let prepared = unsafe prepared else {
            preconditionFailure("prepare comes before write")
        }
        let frameSize = unsafe FrameSplitter.prefixLength + prepared.size
        precondition(
            output.freeCapacity >= frameSize, "the caller must make the room that prepare asks for")
        unsafe output.appendFrame {
            let written = unsafe protobuf_c_message_pack(prepared.message, $0)
            precondition(unsafe written == prepared.size, "a message is as long as it was measured")
            return written
        }
    }

    private mutating func reset() {
        unsafe prepared = nil
        arena.reset()
    }

    /// The message for `write`, if it fits in a frame.
    private static func measure<Message: WireMessage>(
        _ part: Part<Message>
    ) throws(Failure) -> Prepared {
        let size = part.packedSize
        guard (1...Limits.frameBytes).contains(size) else {
            throw Failure(.invalidArgument, "frame: \(size) bytes do not fit")
        }
        return unsafe Prepared(message: part.base, size: size)
    }

    /// - Returns: the frame's size in bytes.
    private mutating func keep(_ message: Prepared) -> Int {
        unsafe prepared = unsafe message
        return unsafe FrameSplitter.prefixLength + message.size
    }
}
