/// The protocol without a client library: any bytes can be sent as a frame.
import CouponCore
import CouponWire
import NIOCore
import TestSupport
import TestWorld
import Testing

extension PlainSocket {
    /// Sends bytes as one frame.
    func sendFrame(_ message: [UInt8]) throws { try send(Self.frame(message)) }

    /// Sends a request.
    func send(_ request: Request) throws { try send(request.frame()) }

    static func frame(_ message: [UInt8]) -> [UInt8] {
        let length = UInt32(message.count)
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + message
    }

    /// The next response; nil if the daemon closes instead.
    func response() throws -> Response? {
        guard let prefix = try read(FrameSplitter.prefixLength) else { return nil }
        let length = prefix.reduce(0) { $0 << 8 | Int($1) }
        let message = ByteBuffer(bytes: try #require(try read(length)))
        var decoder = ResponseDecoder()
        return try decoder.decode(message.readableBytesSpan)
    }

    /// The next response, which must be an error.
    func failure() throws -> (id: UInt64, failure: Failure) {
        let response = try #require(try response())
        guard case .failure(let failure) = response.result else {
            throw Unexpected(what: "\(response)")
        }
        return (response.id, failure)
    }

    /// Asks for health, and expects the answer next: the connection is usable.
    func checkAlive(id: UInt64 = 999) throws {
        try send(Request(id: id, method: .health))
        let answer = try response()
        #expect(answer == Response(id: id, result: .health(notReady: nil)))
    }
}

extension Request {
    /// The bytes on the wire, with the length.
    func frame() throws -> [UInt8] {
        var encoder = FrameEncoder()
        var buffer = ByteBuffer()
        let size = try encoder.prepare(self)
        buffer.writeWithOutputRawSpan(minimumWritableBytes: size) { encoder.write(into: &$0) }
        return Array(buffer.readableBytesView)
    }
}
