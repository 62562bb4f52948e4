internal import CouponDomain
internal import CouponWire
internal import NIOCore

/// Turns the bytes of a connection into responses. It holds one unfinished frame at most, and so never more
/// than the longest frame and one read of the socket.
struct ResponseReader: ~Copyable {
    private let splitter: FrameSplitter
    private var decoder: ResponseDecoder
    private var received = ByteBuffer()

    init(maximumFrameBytes: Int) {
        splitter = FrameSplitter(maximumLength: maximumFrameBytes)
        decoder = ResponseDecoder()
    }

    /// Adds what was read.
    mutating func feed(_ bytes: ByteBuffer) {
        guard received.readableBytes > 0 else {
            received = bytes
            return
        }
        var bytes = bytes
        received.discardReadBytes()
        received.writeBuffer(&bytes)
    }

    /// The next response; nil until more is fed.
    /// - Throws: If the bytes are not frames, or a frame holds no known answer. If the error names a request,
    ///   only that one is lost.
    mutating func next() throws(UnreadableResponse) -> Response? {
        switch splitter.next(in: received.readableBytesSpan) {
        case .needMore: return nil
        case .refused(let failure): throw UnreadableResponse(id: nil, reason: failure.message)
        case .frame(let length):
            received.moveReaderIndex(forwardBy: FrameSplitter.prefixLength)
            guard let message = received.readSlice(length: length) else { return nil }
            return try decoder.decode(message.readableBytesSpan)
        }
    }
}
