import CouponAccess
import Testing

@Suite struct CallersTextTests {
    private let before = """
        # The shop's servers.
        shop  roles=issuer token=\(digests[0])   rate=5

        # People.
        anna roles=admin uid=1
        """

    private func text(_ text: String) throws -> CallersText { try CallersText(Array(text.utf8)) }

    private func lines(_ text: CallersText) -> [String] {
        String(decoding: text.bytes, as: UTF8.self).split(
            separator: "\n", omittingEmptySubsequences: false
        ).map(String.init)
    }

    @Test func `a principal is added at the end, and comments stay`() throws {
        var text = try text(before)
        try text.add(["bert", "roles=reader", "uid=2"])
        #expect(
            String(decoding: text.bytes, as: UTF8.self) == before + "\nbert roles=reader uid=2\n")
        #expect(text.entry(of: "bert") != nil)
        #expect(throws: CallersFileError.self) { try text.add(["bert", "roles=reader", "uid=3"]) }
        #expect(throws: CallersFileError.self) { try text.add(["carl", "roles=boss", "uid=3"]) }
        #expect(text.file.entries.count == 3)
    }

    @Test func `a rotation keeps the newest old token`() throws {
        var text = try text(before)
        let new = try digests.map { try #require(TokenDigest($0)) }
        #expect(try text.addToken(new[1], to: "shop"))
        #expect(
            lines(text)[1] == "shop roles=issuer token=\(digests[0]) token=\(digests[1]) rate=5")
        #expect(try text.addToken(new[2], to: "shop"))
        #expect(
            lines(text)[1] == "shop roles=issuer token=\(digests[1]) token=\(digests[2]) rate=5")
        #expect(try text.removeOldTokens(of: "shop"))
        #expect(lines(text)[1] == "shop roles=issuer token=\(digests[2]) rate=5")
        #expect(try text.addToken(new[0], to: "anna"))
        #expect(lines(text)[4] == "anna roles=admin uid=1 token=\(digests[0])")
        #expect(lines(text)[0] == "# The shop's servers.")
        #expect(try !text.addToken(new[0], to: "nobody"))
    }

    @Test func `a principal is removed with its line only`() throws {
        var text = try text(before)
        #expect(try text.remove("shop"))
        #expect(
            lines(text) == ["# The shop's servers.", "", "# People.", "anna roles=admin uid=1", ""])
        #expect(try !text.remove("shop"))
    }
}
