/// What comes over the network: frames, requests at the daemon, answers at a client.
internal import CouponCore
internal import CouponWire

/// A stream: its first byte says how it is cut into reads. Cut or whole, it gives the same frames.
func fuzzFrames(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let stream = Array(input.dropFirst())
    let splitter = FrameSplitter(maximumLength: 1 + Int(first) * 3)
    let whole = frames(in: [stream], splitter)
    let chunk = 1 + Int(first) % 7
    let cut = stride(from: 0, to: stream.count, by: chunk).map {
        Array(stream[$0..<min($0 + chunk, stream.count)])
    }
    require(frames(in: cut, splitter) == whole, "the frames depend on how the stream is cut")
}

/// The messages that a reader of these chunks finds, up to the first refusal; nil at its place.
private func frames(in chunks: [[UInt8]], _ splitter: FrameSplitter) -> [[UInt8]?] {
    var buffered: [UInt8] = []
    var messages: [[UInt8]?] = []
    for chunk in chunks {
        buffered += chunk
        reading: while true {
            switch unsafe splitter.next(in: buffered.span.bytes) {
            case .needMore(let bytes):
                require(bytes > 0, "a reader that needs nothing more waits without end")
                break reading
            case .frame(let length):
                require(
                    (1...splitter.maximumLength).contains(length), "a frame of \(length) bytes")
                messages.append(Array(buffered[4..<4 + length]))
                buffered.removeFirst(4 + length)
            case .refused:
                return messages + [nil]
            }
        }
    }
    return messages
}

/// A message is refused with a documented code, or is a request that can be sent on as it was read.
func fuzzRequests(_ input: [UInt8]) {
    var decoder = RequestDecoder()
    let request: Request
    do throws(RefusedRequest) {
        request = unsafe try decoder.decode(input.span.bytes)
    } catch {
        let documented: [StatusCode] = [.invalidArgument, .unimplemented, .resourceExhausted]
        return require(documented.contains(error.failure.code), "refused with \(error.failure)")
    }
    let message = try? encoded { encoder throws(Failure) in try encoder.prepare(request) }
    let again = message.flatMap { message in unsafe try? decoder.decode(message.span.bytes) }
    require(again == request, "\(request) came back as \(String(describing: again))")
}

/// A message is refused, or is an answer that can be sent on as it was read.
func fuzzResponses(_ input: [UInt8]) {
    var decoder = ResponseDecoder()
    let response: Response
    do throws(UnreadableResponse) {
        response = unsafe try decoder.decode(input.span.bytes)
    } catch {
        return require(!error.reason.isEmpty, "refused without a reason")
    }
    let message = encoded { encoder in encoder.prepare(response) }
    let again = unsafe try? decoder.decode(message.span.bytes)
    require(again == response, "\(response) came back as \(String(describing: again))")
}

/// The message that `prepare` builds, without its length.
private func encoded<E: Error>(
    _ prepare: (inout FrameEncoder) throws(E) -> Int
) throws(E) -> [UInt8] {
    var encoder = FrameEncoder()
    let size = try prepare(&encoder)
    let frame = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        var output = unsafe OutputRawSpan(
            buffer: UnsafeMutableRawBufferPointer(buffer), initializedCount: 0)
        encoder.write(into: &output)
        count = unsafe output.finalize(for: UnsafeMutableRawBufferPointer(buffer))
    }
    return Array(frame.dropFirst(FrameSplitter.prefixLength))
}
