// A frame is a 4-byte big-endian length N and then N bytes of one message. The length is judged as
// soon as its four bytes are there, before anything is allocated for what it promises.

public import CouponDomain

/// Finds frames in a stream of bytes. It keeps no bytes and no state: the caller shows what is
/// readable, removes the frame it finds, and calls again. Where the stream is cut makes no difference.
public struct FrameSplitter: Sendable {
    /// Bytes of the length before each message.
    public static let prefixLength = 4

    /// The longest message, in bytes, without its length.
    public let maximumLength: Int

    /// - Parameter maximumLength: the longest message, in bytes, from 1 to 2^32 - 1.
    public init(maximumLength: Int = Limits.frameBytes) {
        precondition((1...0xFFFF_FFFF).contains(maximumLength), "a frame's length has 32 bits")
        self.maximumLength = maximumLength
    }

    /// What is at the beginning of the readable bytes.
    public enum Finding: Equatable, Sendable {
        /// No whole frame; at least this many bytes are missing.
        case needMore(bytes: Int)
        /// A frame: a message of `length` bytes at offset `prefixLength`.
        case frame(length: Int)
        /// A length of 0, or above the limit: answer with id 0 and this failure, then close.
        case refused(Failure)
    }

    /// Reads the beginning of the readable bytes, and removes none of them.
    public func next(in readable: RawSpan) -> Finding {
        let available = readable.byteCount
        guard available >= Self.prefixLength else {
            return .needMore(bytes: Self.prefixLength - available)
        }
        let prefix = unsafe readable.unsafeLoadUnaligned(as: UInt32.self)
        let length = Int(UInt32(bigEndian: prefix))
        guard length > 0 else {
            return .refused(Failure(.invalidArgument, "frame: length is 0"))
        }
        guard length <= maximumLength else {
            let hint = ForeignProtocol(prefix: UInt32(bigEndian: prefix))?.hint ?? ""
            return .refused(
                Failure(
                    .invalidArgument,
                    "frame: length \(length) is above the limit, \(maximumLength)\(hint)"))
        }
        let missing = Self.prefixLength + length - available
        return missing > 0 ? .needMore(bytes: missing) : .frame(length: length)
    }
}
