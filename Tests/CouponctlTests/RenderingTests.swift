import CouponClient
import CouponCore
import Testing

@testable import couponctl

@Suite struct RenderingTests {
    @Test func `columns are as wide as needed`() {
        let table = Table(header: ["ID", "NAME"], rows: [["1", "a"], ["200", "bb"], ["-", ""]])
        #expect(table.lines == [" ID  NAME", "  1  a", "200  bb", "  -"])
    }

    @Test func `whole numbers above 2^53 - 1 are texts, even in documents from outside`() {
        let (last, above) = (Int64(1) << 53 - 1, Int64(1) << 53)
        for (value, text) in [
            (0, "0"), (last, "9007199254740991"), (-last, "-9007199254740991"),
            (above, "\"9007199254740992\""), (-above, "\"-9007199254740992\""),
            (.max, "\"9223372036854775807\""), (.min, "\"-9223372036854775808\""),
        ] {
            #expect(JSONValue.integer(value).description == text)
        }
        #expect(
            JSONValue.document(#"{"user_id":9007199254740993}"#).description
                == #"{"user_id":"9007199254740993"}"#)
    }

    @Test func `wide letters, marks and emoji keep columns in line`() {
        let titles = ["abc", "봄세일", "e\u{301}", "👩‍👩‍👧", "☀\u{FE0F}", "ｗ"]
        let table = Table(header: ["T", "N"], rows: titles.map { [$0, "x"] })
        #expect(titles.map(\.terminalCells) == [3, 6, 1, 2, 2, 2])
        #expect(Set(table.lines.map(\.terminalCells)) == [9])
    }

    @Test func `texts from outside reach a terminal without controls, in one line`() {
        let nasty = "a\u{1B}]0;x\u{7}b\r\nc\t\u{9B}31m\u{202E}d\u{2028}\u{7F}\u{FEFF}é봄\u{200D}"
        let safe =
            "a\\u{1b}]0;x\\u{7}b\\u{d}\\u{a}c\\u{9}\\u{9b}31m\\u{202e}d\\u{2028}\\u{7f}\\u{feff}é봄\\u{200d}"
        #expect(nasty.safeForTerminal == safe)
        #expect(Table(header: ["T"], rows: [[nasty]]).lines == ["T", safe])
        #expect(Table.fields([("title", nasty)]) == ["title  " + safe])
        let error = ClientError.refused(Failure(.failedPrecondition, nasty))
        #expect(
            Complaint(error, address: ServerAddress(host: "h", port: 1)).message
                == "coupond at h:1 refused: " + safe)
        #expect(
            JSONValue.string("\u{1B}\u{9B}\u{202E}\u{E0001}").description
                == #""\u001b\u009b\u202e\udb40\udc01""#)
    }

    @Test func `each character that turns, hides or breaks a line is escaped`() {
        let ranges: [ClosedRange<UInt32>] = [
            0...0x1F, 0x7F...0x9F, 0xAD...0xAD, 0x34F...0x34F, 0x61C...0x61C, 0x115F...0x1160,
            0x180E...0x180E, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0x3164...0x3164,
            0xFE00...0xFE0F, 0xFEFF...0xFEFF, 0xFFA0...0xFFA0, 0xE0000...0xE007F,
        ]
        for scalar in ranges.joined().compactMap(Unicode.Scalar.init) {
            let escape = "\\u{" + String(scalar.value, radix: 16) + "}"
            #expect("a\(scalar)b".safeForTerminal == "a\(escape)b")
            #expect("\(scalar)".safeForTerminal == escape)
            #expect(!"a\(scalar)b".quotedForJSON.unicodeScalars.contains(scalar))
        }
        #expect("two\nlines\r\n\u{1B}".safeLinesForTerminal == "two\nlines\\u{d}\\u{a}\\u{1b}")
    }

    @Test func `joiners and styles stay where letters and emoji need them`() {
        let good = [
            "👩‍👩‍👧", "☀\u{FE0F}", "❤\u{FE0F}\u{200D}🔥", "1\u{FE0F}\u{20E3}", "می\u{200C}خواهم",
            "क\u{94D}\u{200D}ष", "봄세일", "e\u{301}",
        ]
        for text in good {
            #expect(text.safeForTerminal == text)
            #expect(text.quotedForJSON == "\"\(text)\"")
        }
        #expect("ad\u{200D}min".safeForTerminal == "ad\\u{200d}min")
        #expect("ad\u{200C}".safeForTerminal == "ad\\u{200c}")
        #expect("봄\u{200D}세일".safeForTerminal == "봄\\u{200d}세일")
        #expect("a\u{FE0F}".safeForTerminal == "a\\u{fe0f}")
    }

    @Test func `fields stand in one column`() {
        #expect(Table.fields([("id", "1"), ("title", "x")]) == ["id     1", "title  x"])
    }

    @Test func `JSON keeps its order and escapes`() {
        let value = JSONValue.object([
            ("b", .string("a\"b\\c\n\u{1}é")), ("a", .array([.integer(1), .null, .bool(true)])),
            ("n", .number(0.5)), ("i", .number(.infinity)),
        ])
        #expect(
            value.description
                == #"{"b":"a\"b\\c\n\u0001é","a":[1,null,true],"n":0.5,"i":null}"#)
    }

    @Test func `a coupon has the keys of the protocol`() {
        let coupon = Coupon(
            id: CouponID(7), title: "t", total: nil,
            window: Window(
                opens: Timestamp(microseconds: 0), closes: Timestamp(microseconds: 1_000_000)))
        #expect(
            coupon.json.description
                == #"{"id":7,"title":"t","total":null,"opens_at":"1970-01-01T00:00:00Z","#
                + #""closes_at":"1970-01-01T00:00:01Z","state":"ACTIVE","version":1,"issued":0,"#
                + #""remaining":null,"archived":false}"#)
    }

    @Test func `request ids are hexadecimal`() {
        let id = RequestID(argument: "00ff10")
        #expect(id?.bytes == [0x00, 0xFF, 0x10])
        #expect(id?.hexadecimal == "00ff10")
        #expect(RequestID(argument: "") == nil)
        #expect(RequestID(argument: "0") == nil)
        #expect(RequestID(argument: "0g") == nil)
        #expect(RequestID(argument: String(repeating: "00", count: 17)) == nil)
    }

    @Test(
        arguments: [
            (ClientError.cannotConnect(ServerAddress(host: "h", port: 1), reason: "r"), 69),
            (.refused(Failure(.notFound, "")), 1),
            (.refused(Failure(.invalidArgument, "")), 64),
            (.refused(Failure(.unavailable, "")), 69),
            (.refused(Failure(.unavailable, "", acceptance: .unknown)), 75),
            (.refused(Failure(.deadlineExceeded, "")), 69),
            (.refused(Failure(.deadlineExceeded, "", acceptance: .unknown)), 75),
            (.refused(Failure(.resourceExhausted, "", retryAfterMilliseconds: 1)), 69),
            (.refused(Failure(.internal, "")), 70),
            (.refused(Failure(.unauthenticated, "")), 77),
            (.deadlineExceeded, 75),
            (.connectionLost(reason: ""), 75),
            (.wrongAnswer(""), 70),
        ] as [(ClientError, Int32)])
    func `errors have their exit codes`(error: ClientError, code: Int32) {
        let complaint = Complaint(error, address: ServerAddress(host: "h", port: 1))
        #expect(complaint.exit.rawValue == code)
    }

    @Test(arguments: [
        ClientError.connectionLost(reason: ""), .deadlineExceeded,
        .refused(Failure(.deadlineExceeded, "", acceptance: .unknown)),
    ])
    func `a command that only reads never says that something may have happened`(
        error: ClientError
    ) {
        let complaint = Complaint(
            error, address: ServerAddress(host: "h", port: 1), reading: true)
        #expect(complaint.exit == .unavailable)
        #expect(complaint.acceptance == .notAccepted)
        #expect(!complaint.message.contains("may have"))
    }

    @Test(
        arguments: [
            (Failure(.unavailable, "why"), ". `couponctl health` says what is missing"),
            (Failure(.unavailable, "why", retryAfterMilliseconds: 250), ". Ask again in 250 ms"),
            (Failure(.resourceExhausted, "why"), ". Ask again later"),
            (
                Failure(.unavailable, "why", acceptance: .unknown),
                ". The request may have succeeded: check before you repeat it"
            ),
            (Failure(.internal, "why"), ". The daemon's log has the reason"),
            (Failure(.unimplemented, "why"), ". Use a couponctl of the daemon's version"),
            // The daemon's text says what to change.
            (Failure(.invalidArgument, "issue.user: must be 1 or more"), ""),
        ])
    func `a refusal says what failed, why, and what to do`(failure: Failure, next: String) {
        let complaint = Complaint(.refused(failure), address: ServerAddress(host: "h", port: 1))
        #expect(complaint.message == "coupond at h:1 refused: \(failure.message)" + next)
    }
}
