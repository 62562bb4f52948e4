package import CouponWire
package import NIOCore

/// The daemon's side of the wire, without a socket: requests out of bytes, responses into bytes.
package struct DaemonWire: ~Copyable {
    private var received = ByteBuffer()
    private var decoder = RequestDecoder()
    private var encoder = FrameEncoder()

    /// Nothing read yet.
    package init() {}

    /// Adds what was read.
    package mutating func feed(_ bytes: ByteBuffer) {
        var bytes = bytes
        received.writeBuffer(&bytes)
        received.discardReadBytes()
    }

    /// The next request; nil until more is fed.
    package mutating func next() throws -> Request? {
        guard case .frame(let length) = FrameSplitter().next(in: received.readableBytesSpan)
        else { return nil }
        received.moveReaderIndex(forwardBy: FrameSplitter.prefixLength)
        guard let message = received.readSlice(length: length) else { return nil }
        return try decoder.decode(message.readableBytesSpan)
    }

    /// Appends a frame.
    package mutating func write(_ response: Response, to buffer: inout ByteBuffer) {
        let size = encoder.prepare(response)
        buffer.writeWithOutputRawSpan(minimumWritableBytes: size) { encoder.write(into: &$0) }
    }

    /// A single frame.
    package static func frame(_ response: Response) -> ByteBuffer {
        var wire = DaemonWire()
        var buffer = ByteBuffer()
        wire.write(response, to: &buffer)
        return buffer
    }

    /// The requests of all whole frames.
    package static func requests(in bytes: ByteBuffer) throws -> [Request] {
        var wire = DaemonWire()
        wire.feed(bytes)
        var requests: [Request] = []
        while let request = try wire.next() { requests.append(request) }
        return requests
    }
}
