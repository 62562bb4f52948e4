// Values to frames and back, for the tests.

import CouponCore
import CouponWire

/// The frame of an answer, its length included.
func frame(of response: Response) -> [UInt8] {
    var encoder = FrameEncoder()
    let size = encoder.prepare(response)
    return written(by: &encoder, size: size)
}

/// The frame of a request, its length included.
func frame(of request: Request) throws -> [UInt8] {
    var encoder = FrameEncoder()
    let size = try encoder.prepare(request)
    return written(by: &encoder, size: size)
}

/// The frame that an encoder has prepared.
func written(by encoder: inout FrameEncoder, size: Int) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        var output = unsafe OutputRawSpan(
            buffer: UnsafeMutableRawBufferPointer(buffer), initializedCount: 0)
        encoder.write(into: &output)
        count = unsafe output.finalize(for: UnsafeMutableRawBufferPointer(buffer))
    }
}

/// The message of a single complete frame.
func message(in frame: [UInt8]) -> [UInt8] { Array(frame.dropFirst(FrameSplitter.prefixLength)) }

/// A message as a request.
func request(in message: [UInt8]) throws(RefusedRequest) -> Request {
    var decoder = RequestDecoder()
    return unsafe try decoder.decode(message.span.bytes)
}

/// Why a message is not a request; nil if it is one.
func refusal(of message: [UInt8]) -> RefusedRequest? {
    do throws(RefusedRequest) {
        _ = try request(in: message)
        return nil
    } catch {
        return error
    }
}

/// A message as an answer.
func response(in message: [UInt8]) throws(UnreadableResponse) -> Response {
    var decoder = ResponseDecoder()
    return unsafe try decoder.decode(message.span.bytes)
}

/// Bytes in hexadecimal, as in docs/PROTOCOL.md.
func bytes(hex: String) -> [UInt8] {
    var digits = hex.filter { !$0.isWhitespace }[...]
    var bytes: [UInt8] = []
    while let byte = UInt8(digits.prefix(2), radix: 16) {
        bytes.append(byte)
        digits = digits.dropFirst(2)
    }
    return bytes
}
