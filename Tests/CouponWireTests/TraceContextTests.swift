/// `traceparent` of W3C Trace Context.
import CouponCore
import CouponWire
import Testing

@Suite struct TraceContextTests {
    private let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test func `a text is read and written`() throws {
        let trace = try #require(TraceContext(text))
        #expect(trace.traceID == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(trace.parentID == "00f067aa0ba902b7")
        #expect("\(trace)" == text)
        #expect(text.utf8.count == TraceContext.length)
        let zeros = "00-\(String(repeating: "0", count: 31))1-000000000000000f-00"
        #expect(TraceContext(zeros).map { "\($0)" } == zeros)
    }

    @Test func `each character decides whether a text is a trace context`() throws {
        let bytes = Array(text.utf8)
        for index in bytes.indices {
            for other in ["g", "A", " ", "-", "\0"] {
                var wrong = bytes
                wrong[index] = other.utf8.first ?? 0
                if wrong != bytes { #expect(TraceContext(wrong) == nil, "\(index): \(other)") }
            }
            #expect(TraceContext(bytes.prefix(index)) == nil)
        }
        #expect(TraceContext(bytes + [0x30]) == nil)
        #expect(TraceContext("") == nil)
    }

    @Test func `ids of zeros and version ff are refused, a later version is read`() {
        let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
        let zeros = String(repeating: "0", count: 32)
        #expect(TraceContext("00-\(zeros)-\(parent)-01") == nil)
        #expect(TraceContext("00-\(trace)-\(zeros.prefix(16))-01") == nil)
        #expect(TraceContext("ff-\(trace)-\(parent)-01") == nil)
        #expect(TraceContext("cc-\(trace)-\(parent)-01").map { "\($0)" } == text)
    }
}
