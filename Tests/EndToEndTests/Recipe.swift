/// The recipes of a page in docs, so that they run as they are written there.
import Foundation
import Testing

struct Recipe {
    /// Its lines, without their indentation.
    let lines: [String]

    /// - Parameter name: as in the comment above it.
    init(_ name: String, page: String = "BACKENDS.md") throws {
        let page = try String(
            contentsOf: URL(filePath: #filePath).deletingLastPathComponent()
                .deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "docs/" + page), encoding: .utf8)
        let all = page.split(separator: "\n", omittingEmptySubsequences: false)
        // A recipe may be within a list: then it is indented by four more spaces.
        let start = try #require(
            all.firstIndex { $0.drop { $0 == " " }.hasPrefix("<!-- \(name): ") })
        lines = all[(start + 1)...].drop { $0.isEmpty }.prefix { $0.hasPrefix("    ") }
            .map { $0.trimmingCharacters(in: .whitespaces) }
        try #require(!lines.isEmpty)
    }

    var text: String { lines.joined(separator: "\n") }

    /// Its settings as flags.
    /// - Parameter replacements: what stands for each example in a value.
    func flags(_ replacements: [(String, String)]) -> [String] {
        lines.flatMap { line -> [String] in
            let equals = line.firstRange(of: " = ")
            let key = "--" + line[..<(equals?.lowerBound ?? line.endIndex)]
            var value = String(line[(equals?.upperBound ?? line.endIndex)...])
            for (example, real) in replacements { value = value.replacing(example, with: real) }
            return value == "true" ? [key] : [key, value]
        }
    }
}
