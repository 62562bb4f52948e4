/// Every line that is logged has a stable id, in the code and in docs/LOG.md.
import Testing

private let eventList = "Sources/CouponCore/Observation/LogEventID.swift"
/// What the daemon logs; the client logs for other programs.
private let sources = SourceFile.swiftSources.filter {
    !["couponctl", "CouponClient"].contains($0.module) && $0.path != eventList
}

@Suite struct LogEventTests {
    /// A row of the table: an id, its levels, its text.
    private struct Row: Hashable {
        let id: String
        let levels: [String]
        let message: String
    }

    private func listed() throws -> [(id: String, message: String)] {
        let list = try #require(SourceFile.swiftSources.first { $0.path == eventList })
        return list.text.matches(of: /\(\s*"([a-z-]+)",\s*"([^"]+)"\s*\)/).map {
            (String($0.1), String($0.2))
        }
    }

    private func documented() throws -> [Row] {
        let page = try #require(SourceFile.all(below: "docs", endings: ["LOG.md"]).first)
        return page.lines.compactMap { line in
            guard let row = line.wholeMatch(of: /\| `([a-z-]+)` \| ([a-z, ]+) \| (.+?) \| .*\|/)
            else { return nil }
            return Row(
                id: String(row.1), levels: row.2.split(separator: ", ").map(String.init),
                message: String(row.3))
        }
    }

    @Test func `ids and texts are unique, and docs/LOG.md has the same`() throws {
        let listed = try listed()
        #expect(listed.count > 60)
        #expect(Set(listed.map(\.id)).count == listed.count)
        #expect(Set(listed.map(\.message)).count == listed.count)
        let documented = try documented().map { "\($0.id): \($0.message)" }
        #expect(listed.map { "\($0.id): \($0.message)" } == documented)
    }

    @Test func `each text is logged somewhere, and its level is documented`() throws {
        for row in try documented() {
            let using = sources.filter { $0.text.contains("\"\(row.message)\"") }
            #expect(!using.isEmpty, "nobody logs \(row.message)")
            let levels = using.flatMap { Self.levels(of: row.message, in: $0.text) }
            for level in levels {
                #expect(row.levels.contains(level), "\(row.message) is logged at \(level)")
            }
        }
    }

    /// The names of the calls that have this text as their first argument, on its line or the one before.
    private static func levels(of message: String, in text: String) -> [String] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.indices.compactMap { index in
            guard let quote = lines[index].firstRange(of: "\"\(message)\"") else { return nil }
            let before = lines[index][..<quote.lowerBound]
            let isAlone = before.allSatisfy { $0 == " " }
            let call = isAlone && index > 0 ? lines[index - 1] : before
            return call.firstMatch(of: /\.(trace|debug|info|notice|warning|error|critical)\($/)
                .map { String($0.1) }
        }
    }

    @Test(arguments: sources)
    func `each line that is logged has an id`(_ file: SourceFile) throws {
        let messages = Set(try listed().map(\.message))
        let levels = "trace|debug|info|notice|warning|error|critical|log"
        let call = try Regex(
            #"\b[lL]og(?:ger)?(?:\(label: "[a-z.]+"\))?\.(?:"# + levels
                + #")\(\s*(?:level: [^"]*?,\s*)?"((?:[^"\\]|\\.)*)""#,
            as: (Substring, Substring).self)
        let calls = file.text.matches(of: call)
        for call in calls {
            #expect(messages.contains(String(call.1)), "\(file.path): \(call.1)")
        }
    }
}
