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
