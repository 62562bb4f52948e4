import ArgumentParser
import CouponCore
import Testing

@testable import couponctl

@Suite struct UsersFileTests {
    @Test func `a file has a user a line, and its parts fit in a request`() throws {
        #expect(try UsersFile.users(in: "7\n\n 8\r\n9") == [7, 8, 9])
        let users = (1...2_500 as ClosedRange<Int64>).map { UserID($0) }
        let parts = UsersFile.parts(users)
        #expect(parts.map(\.count) == [1_000, 1_000, 500] && parts.flatMap(\.self) == users)
    }

    @Test(arguments: [
        ("", "there is no user"), ("1\nx", "line 2"), ("0", "line 1"), ("-4", "line 1"),
    ])
    func `a wrong line is named`(text: String, message: String) {
        let error = #expect(throws: ValidationError.self) { try UsersFile.users(in: text) }
        #expect(error?.message.contains(message) == true)
    }
}
