import CouponCore
import CouponWire
import NIOCore

// The daemon's side of the wire, for tests.

extension ByteBuffer {
    /// A frame with this response.
    static func frame(_ response: Response) -> ByteBuffer {
        var encoder = FrameEncoder()
        var buffer = ByteBuffer()
        let size = encoder.prepare(response)
        buffer.writeWithOutputRawSpan(minimumWritableBytes: size) { encoder.write(into: &$0) }
        return buffer
    }

    /// Takes the requests of all whole frames.
    mutating func readRequests() throws -> [Request] {
        var decoder = RequestDecoder()
        var requests: [Request] = []
        while case .frame(let length) = FrameSplitter().next(in: readableBytesSpan) {
            moveReaderIndex(forwardBy: FrameSplitter.prefixLength)
            guard let message = readSlice(length: length) else { break }
            requests.append(try decoder.decode(message.readableBytesSpan))
        }
        return requests
    }
}
