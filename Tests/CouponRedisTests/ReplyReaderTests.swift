/// Bytes that are not a reply of Redis: only the connection ends.
internal import Testing

@testable internal import CouponRedis

@Suite struct ReplyReaderTests {
    /// The reply in these bytes; nil if there is none, or only a part.
    private func reply(in text: String) throws -> Reply? {
        guard var reader = ReplyReader() else { return nil }
        unsafe try reader.feed(Array(text.utf8).span.bytes)
        return try reader.next()
    }

    @Test func `an array of two thousand million elements is refused`() {
        #expect(throws: ProtocolFailure.self) { try reply(in: "*2147483647\r\n:1\r\n") }
    }

    @Test func `a large array is read`() throws {
        let text = "*100000\r\n" + String(repeating: ":7\r\n", count: 100_000)
        #expect(try reply(in: text)?.elements?.count == 100_000)
    }
}
