/// The repository's own sources, as text.
import Foundation
import Testing

struct SourceFile: Sendable, CustomTestStringConvertible {
    /// Relative to the repository, such as `Sources/CouponCore/Limits.swift`.
    let path: String
    let text: String

    var testDescription: String { path }

    /// Lines without their line end; line n is at n - 1.
    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }

    /// `CouponCore` of `Sources/CouponCore/Limits.swift`.
    var module: String { String(path.split(separator: "/")[1]) }

    /// The lines without comments and without the contents of string literals.
    var code: [String] {
        lines.map { line in
            if line.drop(while: { $0 == " " }).hasPrefix("//") { return "" }
            let bare = line.replacing(/"([^"\\]|\\.)*"/, with: "\"\"")
            return String(bare.prefix(upTo: bare.firstRange(of: "//")?.lowerBound ?? bare.endIndex))
        }
    }

    /// Every file below a folder of the repository whose name ends in one of `endings`.
    static func all(below folder: String, endings: [String]) -> [SourceFile] {
        let paths = FileManager.default.enumerator(atPath: repository + "/" + folder)
        let names = (paths?.compactMap { $0 as? String } ?? []).sorted()
        return names.compactMap { name in
            guard endings.contains(where: name.hasSuffix) else { return nil }
            let path = folder + "/" + name
            return (try? String(contentsOfFile: repository + "/" + path, encoding: .utf8))
                .map { SourceFile(path: path, text: $0) }
        }
    }

    static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    static let swiftSources = all(below: "Sources", endings: [".swift"])
    static let swiftFiles =
        swiftSources + all(below: "Tests", endings: [".swift"])
        + all(below: "Fuzz", endings: [".swift"])
        + all(below: "Benchmarks", endings: [".swift"])
    /// All handwritten files, in any language.
    static let handwritten =
        swiftFiles
        + all(below: "Sources", endings: [".lua", ".sql", ".h", ".modulemap"])
        .filter { $0.module != "CCouponProto" }
        + all(below: "Proto", endings: [".proto"]) + all(below: "Scripts", endings: [""])
        + all(below: "docs", endings: [".md"]) + all(below: "systemd", endings: [""])
}

// MARK: Rules and promises

extension SourceFile {
    /// The numbers after `rule` or `promise`: "rule 9", "rules 11 to 13", "rules 8 and 9", "rules 41, 45".
    static func numbers(behind word: String, in text: String) -> Set<Int> {
        let one = "[0-9]+"
        let pattern = "\\b(?i:\(word))s? (\(one)(?:(?:,| and| to) \(one))*)"
        guard let expression = try? NSRegularExpression(pattern: pattern) else { return [] }
        let all = NSRange(text.startIndex..., in: text)
        var numbers: Set<Int> = []
        for match in expression.matches(in: text, range: all) {
            guard let range = Range(match.range(at: 1), in: text) else { continue }
            numbers.formUnion(text[range].split { !$0.isNumber }.compactMap { Int($0) })
        }
        return numbers
    }

    /// The numbers of the rules or promises that a page has, each at the beginning of a line.
    static func defined(in path: String, _ prefix: String) throws -> Set<Int> {
        let page = try #require(handwritten.first { $0.path.hasSuffix(path) })
        return Set(
            page.lines.compactMap { line in
                guard line.hasPrefix(prefix) else { return nil }
                return Int(line.dropFirst(prefix.count).prefix { $0.isNumber })
            })
    }
}
