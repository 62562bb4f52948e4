/// Each kind of bad input: its error, and whether the connection stays open (the table in docs/PROTOCOL.md).
import CouponCore
import CouponWire
import TestSupport
import TestWorld
import Testing

extension DaemonTests {
    @Suite struct BadInputTests {
        @Test(
            arguments: [
                ([0, 0, 0, 0], "frame: length is 0"),
                ([0, 1, 0x11, 0x70], "frame: length 70000 is above the limit, 65536"),
                ([0xFF, 0xFF, 0xFF, 0xFF], "frame: length 4294967295 is above the limit, 65536"),
            ] as [([UInt8], String)])
        func `an impossible length gets an error and closes the connection`(
            _ prefix: [UInt8], _ message: String
        ) throws {
            let daemon = try SharedWorld.current.one
            let (client, other) = (
                try PlainSocket(port: daemon.port), try PlainSocket(port: daemon.port)
            )
            try client.send(prefix)
            let (id, failure) = try client.failure()
            #expect(id == 0)
            #expect(failure == Failure(.invalidArgument, message))
            #expect(try client.read(1) == nil)
            try other.checkAlive()
        }

        @Test func `requests before a bad length are answered`() throws {
            let daemon = try SharedWorld.current.one
            let client = try PlainSocket(port: daemon.port)
            try client.send(Request(id: 1, method: .health).frame() + [0, 0, 0, 0])
            let answers = [try client.response(), try client.response()]
            #expect(answers.contains(Response(id: 1, result: .health(notReady: nil))))
            #expect(answers.contains { $0?.id == 0 })
            #expect(try client.read(1) == nil)
        }

        @Test(
            arguments: [
                // No field has number 0; a varint that never ends; a text longer than its message.
                ([0x00], 0, .invalidArgument, "frame: is not a protobuf message"),
                ([0x08, 0x05, 0xFF], 5, .invalidArgument, "frame: is not a protobuf message"),
                (
                    [0x08, 0x05, 0x52, 0x7F, 0x08], 5, .invalidArgument,
                    "frame: is not a protobuf message"
                ),
                (
                    [UInt8](repeating: 0xFF, count: 65_536), 0, .invalidArgument,
                    "frame: is not a protobuf message"
                ),
                ([0x08, 0x05], 5, .invalidArgument, "method: missing"),
                // Field 100 is of a later schema.
                ([0x08, 0x05, 0xA2, 0x06, 0x00], 5, .unimplemented, "method: not known here"),
                // issue, empty.
                (
                    [0x08, 0x05, 0x52, 0x00], 5, .invalidArgument,
                    "issue.coupon_id: must be positive, got 0"
                ),
                // The issue field, many times.
                (
                    [0x08, 0x05]
                        + [[UInt8]](repeating: [0x52, 0x00], count: 32_000).flatMap { $0 }, 5,
                    .resourceExhausted, "frame: has too many fields"
                ),
            ] as [([UInt8], UInt64, StatusCode, String)])
        func `an unreadable message gets an error and the connection stays open`(
            _ message: [UInt8], _ id: UInt64, _ code: StatusCode, _ text: String
        ) throws {
            let client = try PlainSocket(port: try SharedWorld.current.one.port)
            try client.sendFrame(message)
            let answer = try client.failure()
            #expect(answer.id == id)
            #expect(answer.failure == Failure(code, text))
            try client.checkAlive()
        }

        @Test func `fields of a later schema are ignored`() throws {
            let client = try PlainSocket(port: try SharedWorld.current.one.port)
            // health with an unknown field inside and another beside it.
            try client.sendFrame([0x08, 0x05, 0x62, 0x03, 0xA2, 0x06, 0x00, 0xA8, 0x06, 0x01])
            try client.expectHealth(id: 5)
        }

        @Test(
            arguments: [
                (
                    .issue(IssueRequest(coupon: CouponID(-3), user: UserID(1))),
                    "issue.coupon_id: must be positive, got -3"
                ),
                (
                    .issue(IssueRequest(coupon: CouponID(1), user: UserID(0))),
                    "issue.user_id: must be positive, got 0"
                ),
                (
                    .issue(IssueRequest(coupon: CouponID(.min), user: UserID(1))),
                    "issue.coupon_id: must be positive, got -9223372036854775808"
                ),
                (
                    .couponStatus(coupon: CouponID(0), user: nil),
                    "coupon_status.coupon_id: must be positive, got 0"
                ),
                (
                    .couponStatus(coupon: CouponID(1), user: UserID(-1)),
                    "coupon_status.user_id: must be positive, got -1"
                ),
                (.getCoupon(CouponID(0)), "get_coupon.id: must be positive, got 0"),
                (.pauseCoupon(CouponID(0)), "pause_coupon.id: must be positive, got 0"),
                (.resumeCoupon(CouponID(0)), "resume_coupon.id: must be positive, got 0"),
                (.closeCoupon(CouponID(0)), "close_coupon.id: must be positive, got 0"),
                (.auditCoupon(CouponID(0)), "audit_coupon.coupon_id: must be positive, got 0"),
                (
                    .listCoupons(after: CouponID(-1), limit: 1),
                    "list_coupons.after_id: must not be negative, got -1"
                ),
                (
                    .listCoupons(after: CouponID(0), limit: 501),
                    "list_coupons.limit: must be at most 500, got 501"
                ),
                (.createCoupon(.offer(0, total: 1)), "create_coupon.id: must be positive, got 0"),
                (
                    .createCoupon(.offer(1, total: 0)),
                    "create_coupon.total: must be 1 to 4503599627370496, got 0"
                ),
                (
                    .createCoupon(.offer(1, total: 1, opensIn: 0, closesIn: -1)),
                    "create_coupon.closes_at: must be later than opens_at"
                ),
                (.updateCoupon(CouponID(1), CouponChange()), "update_coupon: changes nothing"),
                (
                    .updateCoupon(CouponID(1), CouponChange(total: -1)),
                    "update_coupon.total: must be 1 to 4503599627370496, got -1"
                ),
                (
                    .updateCoupon(CouponID(1), CouponChange(title: "")),
                    "update_coupon.title: must have 1 to 200 bytes, has 0"
                ),
            ] as [(Request.Method, String)])
        func `the error about a field out of bounds names its path`(
            _ method: Request.Method, _ text: String
        ) throws {
            let client = try PlainSocket(port: try SharedWorld.current.one.port)
            try client.send(Request(id: 5, method: method))
            let answer = try client.failure()
            #expect(answer.id == 5)
            #expect(answer.failure.code == .invalidArgument)
            #expect(answer.failure.message.hasPrefix(text))
            #expect(answer.failure.retryAfterMilliseconds == nil)
            try client.checkAlive()
        }

        @Test func `a request id of 17 bytes and an unknown wait_for are refused`() throws {
            let client = try PlainSocket(port: try SharedWorld.current.one.port)
            let ids: [UInt8] = [0x08, 1, 0x10, 1]
            try client.sendFrame(
                [0x08, 5, 0x52, 23] + ids + [0x1A, 17] + [UInt8](repeating: 9, count: 17))
            #expect(
                try client.failure().failure
                    == Failure(
                        .invalidArgument, "issue.request_id: must have at most 16 bytes, has 17"))
            try client.sendFrame([0x08, 5, 0x52, 6] + ids + [0x20, 7])
            #expect(
                try client.failure().failure
                    == Failure(.invalidArgument, "issue.wait_for: has no meaning here, got 7"))
            try client.checkAlive()
        }

        @Test func `a frame that is begun and not finished ends its connection within seconds`()
            throws
        {
            let daemon = try SharedWorld.current.one
            let (client, idle) = (
                try PlainSocket(port: daemon.port), try PlainSocket(port: daemon.port)
            )
            let frame = try Request(id: 1, method: .health).frame()
            try client.send(frame + frame.dropLast())
            #expect(try client.response()?.id == 1)
            let (id, failure) = try client.failure()
            #expect(id == 0)
            #expect(
                failure == Failure(.invalidArgument, "frame: the rest of it did not come in time"))
            #expect(try client.read(1) == nil)
            try idle.checkAlive()
        }

        @Test func `a connection that ends within a frame gets no answer and disturbs no other`()
            throws
        {
            let daemon = try SharedWorld.current.one
            let whole = try Request(id: 1, method: .health).frame()
            for length in 1..<whole.count {
                let client = try PlainSocket(port: daemon.port)
                try client.send(Array(whole[..<length]))
                client.finishSending()
                #expect(try client.read(1) == nil)
            }
            try PlainSocket(port: daemon.port).checkAlive()
        }
    }
}
