/// The protocol without a client library: any bytes can be sent as a frame.
package import CouponWire
internal import NIOCore
package import TestSupport

extension PlainSocket {
    /// The bytes of one frame.
    package static func frame(_ message: [UInt8]) -> [UInt8] {
        let length = UInt32(message.count)
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + message
    }

    /// The next response; nil if the daemon closes instead.
    package func response() throws -> Response? {
        guard let prefix = try read(FrameSplitter.prefixLength) else { return nil }
        let length = prefix.reduce(0) { $0 << 8 | Int($1) }
        guard let bytes = try read(length) else { return nil }
        var decoder = ResponseDecoder()
        return try decoder.decode(ByteBuffer(bytes: bytes).readableBytesSpan)
    }
}

extension Request {
    /// The bytes on the wire, with the length.
    package func frame() throws -> [UInt8] {
        var encoder = FrameEncoder()
        var buffer = ByteBuffer()
        let size = try encoder.prepare(self)
        buffer.writeWithOutputRawSpan(minimumWritableBytes: size) { encoder.write(into: &$0) }
        return Array(buffer.readableBytesView)
    }
}
