import CouponCore
import CouponWire
import Testing

@Suite("Round trips")
struct RoundTripTests {
    @Test("A request comes back as it was", arguments: Samples.requests)
    func requestComesBack(_ original: Request) throws {
        let bytes = try frame(of: original)
        #expect(try request(in: message(in: bytes)) == original)
    }

    @Test("An answer comes back as it was", arguments: Samples.responses)
    func responseComesBack(_ original: Response) throws {
        #expect(try response(in: message(in: frame(of: original))) == original)
    }

    @Test(
        "An issue request without a token and a trace is plain, no other one is",
        arguments: Samples.requests)
    func plainIsAnIssueRequest(_ original: Request) throws {
        let bytes = try message(in: frame(of: original))
        var decoder = RequestDecoder()
        let plain = unsafe decoder.decodeIssue(bytes.span.bytes)
        if case .issue(let issue) = original.method, original.token.isEmpty,
            original.trace == nil
        {
            #expect(plain?.issue == issue && plain?.id == original.id)
            #expect(plain?.deadlineMilliseconds == original.deadlineMilliseconds)
        } else {
            #expect(plain == nil)
        }
    }

    @Test(
        "An outcome's frame is the encoder's, byte for byte", arguments: Samples.outcomes,
        [0, 1, 127, 128, 1 << 40, .max] as [UInt64])
    func outcomeFrames(_ outcome: Outcome, id: UInt64) {
        var encoder = OutcomeEncoder()
        // Earlier messages leave no trace.
        for outcome in [.issued(sequence: .max, at: Timestamp(microseconds: .max)), outcome] {
            let written = unsafe [UInt8](unsafeUninitializedCapacity: OutcomeEncoder.maximumBytes) {
                buffer, count in
                let raw = UnsafeMutableRawBufferPointer(buffer)
                var output = unsafe OutputRawSpan(buffer: raw, initializedCount: 0)
                encoder.write(outcome, id: id, into: &output)
                count = unsafe output.finalize(for: raw)
            }
            #expect(written == frame(of: Response(id: id, result: .issue(outcome))))
        }
    }

    @Test("A status' frame is the encoder's, byte for byte")
    func statusFrames() {
        var encoder = StatusEncoder()
        var tooLong = Samples.statuses[0]
        tooLong.coupon.title = String(repeating: "x", count: 2 * Limits.maximumTitleBytes)
        // Each coupon twice in a row, because the second status has the bytes of the first one's coupon.
        for status in Samples.statuses.flatMap({ [$0, $0] }) + [tooLong] + Samples.statuses {
            for id in [0, 1, 1 << 40, .max] as [UInt64] {
                var isWritten = false
                let written = unsafe [UInt8](
                    unsafeUninitializedCapacity: StatusEncoder.maximumBytes
                ) {
                    buffer, count in
                    let raw = UnsafeMutableRawBufferPointer(buffer)
                    var output = unsafe OutputRawSpan(buffer: raw, initializedCount: 0)
                    isWritten = encoder.write(status, id: id, into: &output)
                    count = unsafe output.finalize(for: raw)
                }
                let response = Response(id: id, result: .couponStatus(status))
                #expect(isWritten == (status != tooLong))
                #expect(written == (isWritten ? frame(of: response) : []))
            }
        }
    }

    @Test("A frame's length is that of its message")
    func lengthIsTheMessages() throws {
        for original in Samples.responses {
            let bytes = frame(of: original)
            unsafe #expect(
                FrameSplitter().next(in: bytes.span.bytes) == .frame(length: bytes.count - 4))
        }
    }

    @Test("One encoder and one decoder serve one message after the other")
    func partsAreUsedAgain() throws {
        var encoder = FrameEncoder()
        var decoder = ResponseDecoder()
        for original in Samples.responses + Samples.responses.reversed() {
            let size = encoder.prepare(original)
            let bytes = written(by: &encoder, size: size)
            let decoded = unsafe try decoder.decode(message(in: bytes).span.bytes)
            #expect(decoded == original)
        }
    }

    @Test("A coupon is made new: active, version 1")
    func createdCouponIsNew() throws {
        let method = Request.Method.createCoupon(Samples.coupon)
        let bytes = try frame(of: Request(id: 1, method: method))
        let decoded = try request(in: message(in: bytes))
        let expected = Coupon(
            id: Samples.coupon.id, title: Samples.coupon.title, total: Samples.coupon.total,
            window: Samples.coupon.window, state: .active, version: 1, issued: 0, lastSequence: 0)
        #expect(decoded.method == .createCoupon(expected))
    }

    @Test("A page ends where the frame is full", arguments: [1, 20, 60, 100, 150, 200])
    func pageFits(titleBytes: Int) throws {
        let all = (1...600).map { id in
            Coupon(
                id: CouponID(.max - 600 + Int64(id)),
                title: String(repeating: "t", count: titleBytes), total: Limits.maximumTotal,
                window: Samples.window, version: .max, issued: 1)
        }
        let bytes = frame(of: Response(id: .max, result: .coupons(all)))
        guard case .coupons(let page) = try response(in: message(in: bytes)).result else {
            Testing.Issue.record("not a list")
            return
        }
        #expect(bytes.count <= Limits.frameBytes + FrameSplitter.prefixLength)
        #expect(page.count <= Limits.couponsPerPage)
        #expect(page == Array(all.prefix(page.count)))
        let fullFrame = bytes.count > Limits.frameBytes - 1_500
        #expect(fullFrame || page.count == Limits.couponsPerPage)
    }

    @Test("A long text of an error is cut between two characters")
    func longTextIsCut() throws {
        let text = "a" + String(repeating: "é", count: 2_000)
        let answer = Response(id: 1, result: .failure(Failure(.internal, text)))
        guard case .failure(let failure) = try response(in: message(in: frame(of: answer))).result
        else {
            Testing.Issue.record("not an error")
            return
        }
        #expect(failure.message.utf8.count == 1_023)
        #expect(text.hasPrefix(failure.message))
    }

    @Test("A request that does not fit in a frame is refused where it is made")
    func hugeRequestIsRefused() {
        let title = String(repeating: "x", count: Limits.frameBytes)
        let coupon = Coupon(id: CouponID(1), title: title, total: nil, window: Samples.window)
        for title in [title, title + title + title + title] {
            var coupon = coupon
            coupon.title = title
            let failure = #expect(throws: Failure.self) {
                _ = try frame(of: Request(id: 1, method: .createCoupon(coupon)))
            }
            #expect(failure?.code == .invalidArgument)
        }
    }
}
