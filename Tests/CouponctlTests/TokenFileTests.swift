import ArgumentParser
import CouponClient
import TestSupport
import Testing

@testable import couponctl

@Suite struct TokenFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func token(_ text: String) throws -> [UInt8] {
        let path = try folder.write(text, to: "token")
        return try GlobalOptions.parse(["--token-file", path]).clientConfiguration().token
    }

    @Test(arguments: [
        "open sesame", "open sesame\r\n", "open sesame\nmore\n", "\u{FEFF}open sesame\n",
    ])
    func `a token is what coupond reads of the same file`(text: String) throws {
        #expect(try token(text) == Array("open sesame".utf8))
    }

    @Test func `a token file that cannot be used is an error that says why`() throws {
        for text in ["", "\n", String(repeating: "a", count: 1_025)] {
            #expect(throws: ValidationError.self) { try token(text) }
        }
        let error = #expect(throws: ValidationError.self) {
            try GlobalOptions.parse(["--token-file", folder.path]).clientConfiguration()
        }
        #expect(error?.message == "--token-file: \(folder.path) cannot be read: Is a directory")
    }

    @Test(arguments: ["--token-file", "--caller-token-file"])
    func `a token in place of its path is not quoted`(option: String) {
        let error = #expect(throws: ValidationError.self) {
            try GlobalOptions.parse([option, "s3cret"]).clientConfiguration()
        }
        #expect(error?.message == "\(option): the file cannot be read: No such file or directory")
    }
}
