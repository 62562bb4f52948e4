import CouponCore
import CouponWire
import Testing

/// A request with one wrong field, and the error for it.
struct WrongRequest: CustomTestStringConvertible {
    let message: RawMessage
    let text: String

    init(_ method: UInt64, _ fields: RawMessage, _ text: String) {
        self.message = RawMessage().number(1, 77).message(method, fields)
        self.text = text
    }

    var testDescription: String { text }
}

private let title = Array("t".utf8)
private let latest = UInt64(Limits.maximumMicroseconds)

/// A valid new coupon, followed by what makes it wrong: a later field wins.
private let create = RawMessage().number(1, 1).bytes(2, title).number(4, 10).number(5, 20)
private let issue = RawMessage().number(1, 1).number(2, 2)
private let update = RawMessage().number(1, 1)

private let wrongRequests: [WrongRequest] = [
    WrongRequest(10, RawMessage().number(2, 2), "issue.coupon_id: must be positive, got 0"),
    WrongRequest(10, issue.number(1, signed: -3), "issue.coupon_id: must be positive, got -3"),
    WrongRequest(10, RawMessage().number(1, 1), "issue.user_id: must be positive, got 0"),
    WrongRequest(
        10, issue.number(2, signed: .min), "issue.user_id: must be positive, got \(Int64.min)"),
    WrongRequest(
        10, issue.bytes(3, [UInt8](repeating: 1, count: 17)),
        "issue.request_id: must have at most 16 bytes, has 17"),
    WrongRequest(10, issue.number(4, 2), "issue.wait_for: has no meaning here, got 2"),
    WrongRequest(10, issue.number(4, 256), "issue.wait_for: has no meaning here, got 256"),
    WrongRequest(11, RawMessage(), "coupon_status.coupon_id: must be positive, got 0"),
    WrongRequest(
        11, issue.number(2, signed: -1), "coupon_status.user_id: must be positive, got -1"),
    WrongRequest(47, RawMessage(), "end_connections: names nothing"),
    WrongRequest(
        47, RawMessage().number(1, signed: -1), "end_connections.id: must not be negative, got -1"),
    WrongRequest(
        46, RawMessage().bytes(2, [UInt8](repeating: 0x61, count: 257)),
        "list_connections.address: must have at most 256 bytes, has 257"),
    WrongRequest(
        46, RawMessage().number(4, 201), "list_connections.limit: must be at most 200, got 201"),
    WrongRequest(14, RawMessage(), "authenticate.token: missing"),
    WrongRequest(
        14, RawMessage().bytes(1, [UInt8](repeating: 1, count: 1_025)),
        "authenticate.token: must have at most 1024 bytes, has 1025"),
    WrongRequest(20, create.number(1, 0), "create_coupon.id: must be positive, got 0"),
    WrongRequest(20, create.bytes(2, []), "create_coupon.title: must have 1 to 200 bytes, has 0"),
    WrongRequest(
        20, create.bytes(2, [UInt8](repeating: 0x61, count: 201)),
        "create_coupon.title: must have 1 to 200 bytes, has 201"),
    WrongRequest(
        20, create.bytes(2, [0x61, 0, 0x62]), "create_coupon.title: must not contain NUL"),
    WrongRequest(20, create.bytes(2, [0xFF]), "create_coupon.title: must be valid UTF-8"),
    WrongRequest(20, create.bytes(2, [0xC0, 0x80]), "create_coupon.title: must be valid UTF-8"),
    WrongRequest(
        20, create.bytes(2, [0xED, 0xA0, 0x80]), "create_coupon.title: must be valid UTF-8"),
    WrongRequest(20, create.bytes(2, [0xC3]), "create_coupon.title: must be valid UTF-8"),
    WrongRequest(
        20, create.number(3, 0), "create_coupon.total: must be 1 to 4503599627370496, got 0"),
    WrongRequest(
        20, create.number(3, (1 << 52) + 1),
        "create_coupon.total: must be 1 to 4503599627370496, got 4503599627370497"),
    WrongRequest(
        20, create.number(4, signed: -1),
        "create_coupon.opens_at: must be 0 to 9007199254740992, got -1"),
    WrongRequest(
        20, create.number(5, latest + 1),
        "create_coupon.closes_at: must be 0 to 9007199254740992, got 9007199254740993"),
    WrongRequest(
        20, create.number(5, 10),
        "create_coupon.closes_at: must be later than opens_at, 10, got 10"),
    WrongRequest(21, RawMessage(), "get_coupon.id: must be positive, got 0"),
    WrongRequest(
        22, RawMessage().number(1, signed: -1),
        "list_coupons.after_id: must not be negative, got -1"),
    WrongRequest(
        22, RawMessage().number(2, 501), "list_coupons.limit: must be at most 500, got 501"),
    WrongRequest(23, RawMessage().bytes(2, title), "update_coupon.id: must be positive, got 0"),
    WrongRequest(23, update, "update_coupon: changes nothing"),
    WrongRequest(23, update.bytes(2, []), "update_coupon.title: must have 1 to 200 bytes, has 0"),
    WrongRequest(23, update.bytes(2, [0]), "update_coupon.title: must not contain NUL"),
    WrongRequest(
        23, update.number(3, 0), "update_coupon.total: must be 1 to 4503599627370496, got 0"),
    WrongRequest(
        23, update.number(3, 1).number(4, 1),
        "update_coupon.total: must not come together with unlimited"),
    WrongRequest(
        23, update.number(5, signed: -1),
        "update_coupon.opens_at: must be 0 to 9007199254740992, got -1"),
    WrongRequest(
        23, update.number(6, signed: -1),
        "update_coupon.closes_at: must be 0 to 9007199254740992, got -1"),
    WrongRequest(
        23, update.number(5, 20).number(6, 20),
        "update_coupon.closes_at: must be later than opens_at, 20, got 20"),
    WrongRequest(24, RawMessage(), "pause_coupon.id: must be positive, got 0"),
    WrongRequest(25, RawMessage(), "resume_coupon.id: must be positive, got 0"),
    WrongRequest(26, RawMessage(), "close_coupon.id: must be positive, got 0"),
    WrongRequest(35, RawMessage(), "delete_coupon.id: must be positive, got 0"),
    WrongRequest(36, RawMessage(), "archive_coupon.id: must be positive, got 0"),
    WrongRequest(37, RawMessage(), "unarchive_coupon.id: must be positive, got 0"),
    WrongRequest(27, RawMessage(), "audit_coupon.coupon_id: must be positive, got 0"),
    WrongRequest(28, RawMessage(), "list_issues.coupon_id: must be positive, got 0"),
    WrongRequest(
        28, RawMessage().number(1, 1).number(2, signed: -1),
        "list_issues.after_user_id: must not be negative, got -1"),
    WrongRequest(
        28, RawMessage().number(1, 1).number(3, 1_001),
        "list_issues.limit: must be at most 1000, got 1001"),
    WrongRequest(
        30, RawMessage().number(1, signed: -1),
        "list_dead_letters.after_id: must not be negative, got -1"),
]

@Suite("Validation")
struct ValidationTests {
    @Test("A wrong field is named, and the request's id is kept", arguments: wrongRequests)
    func wrongField(_ wrong: WrongRequest) {
        let refusal = refusal(of: wrong.message.bytes)
        #expect(refusal?.id == 77)
        #expect(refusal?.failure == Failure(.invalidArgument, wrong.text))
    }

    @Test("The requests from which the wrong ones are made are valid")
    func baseIsRight() {
        for (method, fields) in [(10, issue), (20, create), (11, issue)] as [(UInt64, RawMessage)] {
            #expect(refusal(of: RawMessage().message(method, fields).bytes) == nil)
        }
    }

    @Test("A token has a limit")
    func token() {
        let token = [UInt8](repeating: 1, count: Limits.maximumTokenBytes + 1)
        let message = RawMessage().number(1, 5).bytes(3, token).message(12, RawMessage())
        let text = "token: must have at most 1024 bytes, has 1025"
        #expect(
            refusal(of: message.bytes)
                == RefusedRequest(id: 5, failure: Failure(.invalidArgument, text)))
    }

    @Test("No limit of a list means a page of 100")
    func defaultLimit() throws {
        let decoded = try request(in: RawMessage().message(22, RawMessage()).bytes)
        #expect(decoded.method == .listCoupons(after: CouponID(0), limit: 100))
        let issues = try request(in: RawMessage().message(28, RawMessage().number(1, 7)).bytes)
        #expect(issues.method == .listIssues(CouponID(7), after: UserID(0), limit: 100))
    }

    @Test("Fields that are not known are ignored, in the envelope and inside")
    func unknownFields() throws {
        let inner = issue.bytes(900, Array("later".utf8)).number(99, 5)
        let message = RawMessage().number(1, 3).number(500, 1).message(10, inner)
            .bytes(501, [1, 2, 3])
        let expected = IssueRequest(coupon: CouponID(1), user: UserID(2))
        #expect(try request(in: message.bytes) == Request(id: 3, method: .issue(expected)))
    }

    @Test("A method that is not known is UNIMPLEMENTED")
    func unknownMethod() {
        let message = RawMessage().number(1, 3).message(999, issue)
        let failure = Failure(.unimplemented, "method: not known here")
        #expect(refusal(of: message.bytes) == RefusedRequest(id: 3, failure: failure))
    }

    @Test("No method is INVALID_ARGUMENT")
    func noMethod() {
        let failure = Failure(.invalidArgument, "method: missing")
        let message = RawMessage().number(1, 3).number(2, 100)
        #expect(refusal(of: message.bytes) == RefusedRequest(id: 3, failure: failure))
    }

    @Test("Bytes that are not protobuf are refused, with the id if it comes first")
    func malformed() {
        let failure = Failure(.invalidArgument, "frame: is not a protobuf message")
        let cases: [([UInt8], UInt64)] = [
            (RawMessage().number(1, 300).bytes + [0x52, 0x7F], 300),
            (RawMessage().number(1, .max).bytes + [0xFF], .max),
            ([0x52, 0x7F], 0), ([0x08], 0), ([0x07], 0),
            ([0x08] + [UInt8](repeating: 0xFF, count: 20), 0),
        ]
        for (bytes, id) in cases {
            #expect(refusal(of: bytes) == RefusedRequest(id: id, failure: failure))
        }
    }
}
