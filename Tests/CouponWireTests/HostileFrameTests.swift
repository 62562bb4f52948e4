import CouponCore
import CouponWire
import Testing

/// A frame of 64 KiB that costs a naive reader megabytes.
struct HostileFrame: CustomTestStringConvertible {
    let testDescription: String
    let message: [UInt8]
}

private let id = RawMessage().number(1, 9)
private let empty = RawMessage()

private let hostileFrames = [
    HostileFrame(
        testDescription: "fields that are not known",
        message: id.bytes + repeated(empty.number(15, 1), upTo: 65_000)),
    HostileFrame(
        testDescription: "the same oneof over and over",
        message: id.bytes + repeated(empty.message(10, empty), upTo: 65_000)),
    HostileFrame(
        testDescription: "two members of the oneof in turn",
        message: id.bytes
            + repeated(empty.message(10, empty).message(11, empty), upTo: 65_000)),
    HostileFrame(
        testDescription: "the same text over and over",
        message: id.message(20, RawMessage().number(1, 1)).bytes
            + empty.bytes(20, repeated(empty.bytes(2, [0x61]), upTo: 64_900)).bytes),
    HostileFrame(
        testDescription: "the same token over and over",
        message: id.bytes + repeated(empty.bytes(3, [0x61]), upTo: 65_000)),
    HostileFrame(
        testDescription: "fields that are not known, inside",
        message: id.bytes(10, repeated(empty.number(15, 1), upTo: 65_000)).bytes),
]

@Suite("Hostile frames")
struct HostileFrameTests {
    @Test(
        "What costs too much memory is refused, and the next request is served",
        arguments: hostileFrames)
    func refusedByBudget(_ hostile: HostileFrame) throws {
        var decoder = RequestDecoder()
        let failure = Failure(.resourceExhausted, "frame: has too many fields")
        var refusal: RefusedRequest?
        do throws(RefusedRequest) {
            _ = unsafe try decoder.decode(hostile.message.span.bytes)
        } catch {
            refusal = error
        }
        #expect(refusal == RefusedRequest(id: 9, failure: failure))
        for original in Samples.requests {
            let decoded = unsafe try decoder.decode(message(in: frame(of: original)).span.bytes)
            #expect(decoded == original)
        }
    }

    @Test("A hostile answer is refused by the client's budget")
    func refusedAnswer() {
        let list = RawMessage().bytes(22, repeated(empty.message(1, empty), upTo: 65_000))
        let expected = UnreadableResponse(id: nil, reason: "frame: has too many fields")
        #expect(throws: expected) { _ = try response(in: list.bytes) }
    }

    @Test("Any budget either refuses or decodes")
    func everyBudget() throws {
        let original = Samples.requests[0]
        let bytes = try message(in: frame(of: original))
        var served = 0
        for budget in 0...1_024 {
            var decoder = RequestDecoder(memoryBytes: budget)
            do throws(RefusedRequest) {
                let decoded = unsafe try decoder.decode(bytes.span.bytes)
                #expect(decoded == original)
                served += 1
            } catch {
                #expect(error.failure.code == .resourceExhausted)
                #expect(served == 0, "a larger budget serves what a smaller one served")
            }
        }
        #expect(served > 512)
    }
}
