import CouponCore
import CouponWire
import Testing

@Suite("Frames")
struct FrameSplitterTests {
    /// What a reader gets from these chunks.
    private func messages(in chunks: [[UInt8]], _ splitter: FrameSplitter) -> [[UInt8]]? {
        var buffered: [UInt8] = []
        var messages: [[UInt8]] = []
        for chunk in chunks {
            buffered += chunk
            reading: while true {
                switch unsafe splitter.next(in: buffered.span.bytes) {
                case .needMore(let bytes):
                    guard bytes > 0 else { return nil }
                    break reading
                case .frame(let length):
                    messages.append(Array(buffered[4..<4 + length]))
                    buffered.removeFirst(4 + length)
                case .refused: return nil
                }
            }
        }
        return buffered.isEmpty ? messages : nil
    }

    @Test("A stream cut anywhere, once or twice, gives the same frames")
    func everySplit() throws {
        let frames = try Samples.requests.prefix(4).map { try frame(of: $0) }
        let stream = Array(frames.joined())
        let expected = frames.map { message(in: $0) }
        let splitter = FrameSplitter()
        for first in 0...stream.count {
            for second in first...stream.count {
                let chunks = [
                    Array(stream[..<first]), Array(stream[first..<second]),
                    Array(stream[second...]),
                ]
                guard messages(in: chunks, splitter) == expected else {
                    Testing.Issue.record("cut at \(first) and \(second)")
                    return
                }
            }
        }
    }

    @Test(
        "Another protocol is named",
        arguments: [
            ("GET / HTTP/1.1", "looks like HTTP"), ("PRI * HTTP/2.0", "looks like HTTP"),
            ("\u{16}\u{3}\u{1}\u{2}", "looks like TLS"), ("PROXY TCP4 ", "looks like a PROXY"),
            ("\r\n\r\n\0\r\nQUIT\n", "looks like a PROXY"), ("*1\r\n$4\r\n", "looks like Redis"),
            ("hello", "65536"),
        ])
    func foreignProtocol(bytes: String, hint: String) {
        let finding = unsafe FrameSplitter().next(in: Array(bytes.utf8).span.bytes)
        guard case .refused(let failure) = finding else {
            Testing.Issue.record("\(finding)")
            return
        }
        #expect(failure.message.contains(hint))
        #expect(failure.message.contains("looks like") == (hint != "65536"))
    }

    @Test("A stream that drips byte by byte gives the same frames")
    func drip() {
        let frames = Samples.responses.map { frame(of: $0) }
        let drips = frames.joined().map { [$0] }
        #expect(messages(in: drips, FrameSplitter()) == frames.map { message(in: $0) })
    }

    @Test(
        "It says what is missing",
        arguments: [
            ("", 4), ("00", 3), ("000000", 1), ("00000005", 5), ("00000005 0102", 3),
            ("00010000", 65_536),
        ])
    func missing(_ hex: String, bytes missing: Int) {
        unsafe #expect(
            FrameSplitter().next(in: bytes(hex: hex).span.bytes) == .needMore(bytes: missing))
    }

    @Test(
        "A length of 0 or above the limit is refused by its four bytes alone",
        arguments: [
            ("00000000", "frame: length is 0"),
            ("00010001", "frame: length 65537 is above the limit, 65536"),
            ("ffffffff", "frame: length 4294967295 is above the limit, 65536"),
        ])
    func refused(_ hex: String, _ text: String) {
        let finding = unsafe FrameSplitter().next(in: bytes(hex: hex).span.bytes)
        #expect(finding == .refused(Failure(.invalidArgument, text)))
    }

    @Test("The limit is the caller's")
    func limit() {
        let splitter = FrameSplitter(maximumLength: 2)
        unsafe #expect(
            splitter.next(in: bytes(hex: "00000002 0102 00").span.bytes) == .frame(length: 2))
        let text = "frame: length 3 is above the limit, 2"
        unsafe #expect(
            splitter.next(in: bytes(hex: "00000003").span.bytes)
                == .refused(Failure(.invalidArgument, text)))
    }
}
