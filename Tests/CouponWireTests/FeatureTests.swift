import CouponWire
import Foundation
import Testing

/// What `server_info` says that a daemon can do.
@Suite struct FeatureTests {
    private func text(_ path: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// The methods of a schema.
    private func methods(_ path: String) throws -> Set<String> {
        let lines = try text(path).split(separator: "\n", omittingEmptySubsequences: false)
            .drop { $0 != "  oneof method {" }.prefix { $0 != "  }" }
        let method = #/ +\w+ (\w+) = \d+;/#
        return Set(lines.compactMap { $0.wholeMatch(of: method).map { String($0.1) } })
    }

    @Test("They are the methods that the first schema lacks, and GoAway")
    func later() throws {
        let first = try methods("Tests/Vectors/first/coupond/v1/coupond.proto")
        let today = try methods("Proto/coupond/v1/coupond.proto")
        #expect(first.count == 17 && first.isSubset(of: today))
        let features = Request.laterFeatures
        #expect(today.subtracting(first).union(["go_away"]).sorted() == features)
    }

    @Test("The page lists them")
    func documented() throws {
        let page = try text("docs/PROTOCOL.md")
        let begin = try #require(page.firstRange(of: "`features`:")).upperBound
        let end = try #require(page[begin...].firstRange(of: ". It")).lowerBound
        let names = page[begin..<end].matches(of: /`(\w+)`/).map { String($0.1) }
        #expect(names == Request.laterFeatures)
    }
}
