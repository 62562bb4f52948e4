import ArgumentParser
import CouponCore
import FoundationEssentials
import TestSupport
import Testing

@testable import couponctl

@Suite struct CouponFileTests {
    private let now = Timestamp(microseconds: 1_700_000_000_000_000)

    @Test func `a file has one coupon a line, and lines of a list are read as they are`() throws {
        let window = Window(opens: now, closes: now.advanced(byMilliseconds: 1_000))
        let listed = Coupon(id: 7, title: "a \"b\"", total: 5, window: window)
        let coupons = try CouponFile.coupons(
            in: "{\"id\": 1, \"title\": \"t\"}\n\n\(listed.json)\r\n", now: now)
        #expect(
            coupons == [
                Coupon(id: 1, title: "t", total: nil, window: Window(opens: now)), listed,
            ])
        #expect(coupons[0].window.closes == .never)
    }

    @Test func `ids above 2^53 are read as couponctl writes them, and as numbers`() throws {
        let large = Coupon(
            id: CouponID(.max), title: "t", total: Limits.maximumTotal, window: Window(opens: now))
        #expect(large.json.description.contains(#""id":"9223372036854775807""#))
        #expect(try CouponFile.coupons(in: large.json.description, now: now) == [large])
        let number = #"{"id":9223372036854775807,"title":"t","total":"7"}"#
        let read = try CouponFile.coupons(in: number, now: now)
        #expect(read.map(\.id) == [CouponID(.max)])
        #expect(read.map(\.total) == [7])
    }

    @Test func `a file that a Windows editor wrote is read`() throws {
        let folder = try TemporaryFolder()
        let text = "\u{FEFF}{\"id\":1,\"title\":\"a\u{2028}b\"}\r\n{\"id\":2,\"title\":\"t\"}\r\n"
        let path = try folder.write(text, to: "coupons")
        let coupons = try CouponFile.coupons(
            in: try CouponFile.text(of: path, "--file"), now: now)
        #expect(coupons.map(\.id) == [1, 2])
        #expect(coupons[0].title == "a\u{2028}b", "not the end of a line")
        let users = try folder.write("\u{FEFF}7\r\n8\r\n", to: "users")
        #expect(try UsersFile.users(of: users) == [7, 8])
    }

    @Test func `a file in another encoding is refused`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("latin1")
        try Data([0x63, 0x61, 0x66, 0xE9]).write(to: URL(filePath: path))
        let error = #expect(throws: ValidationError.self) {
            try CouponFile.text(of: path, "--file")
        }
        #expect(error?.message == "--file: \(path) is not UTF-8 text")
    }

    @Test(arguments: [
        ("", "the file has no coupon"),
        ("{\"id\":1,\"title\":\"t\"}\n{\"id\":2}", "line 2 is not"),
        ("{\"id\":\"x\",\"title\":\"t\"}", "line 1 is not"),
        ("{\"id\":0,\"title\":\"t\"}", "line 1: id must be positive"),
        ("{\"id\":1,\"title\":\"t\",\"closes_at\":\"soon\"}", "line 1: closes_at is not a time"),
    ])
    func `a wrong line is named`(text: String, message: String) {
        let error = #expect(throws: ValidationError.self) {
            try CouponFile.coupons(in: text, now: now)
        }
        #expect(error?.message.hasPrefix(message) == true)
    }

    @Test func `a coupon that never closes is shown in a form that creates it again`() throws {
        let coupon = Coupon(id: 1, title: "t", total: 2, window: Window(opens: now))
        #expect(coupon.fields.contains { $0 == ("closes_at", "never") })
        #expect(coupon.json.description.contains("\"closes_at\":null"))
        #expect(try CouponFile.coupons(in: coupon.json.description, now: now) == [coupon])
    }
}
