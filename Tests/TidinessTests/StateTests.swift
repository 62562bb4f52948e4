/// Who may write the state of the worker: each of its fields, and each field of its parts, has one file.
import Testing

/// The stored properties of a type, as its declaration has them.
private struct Field {
    let name: Substring
    let type: Substring
    /// No other file can give it another value.
    let isOfOneFile: Bool

    private init?(_ line: String) {
        let stored = /^    (?:[\w()]+ )*(let|var) (\w+)(?:(?:: | = )(?:any )?(\w+))?/
        guard let match = line.firstMatch(of: stored) else { return nil }
        // What has a body is computed.
        if match.1 == "var", line.hasSuffix("{") || line.hasSuffix("}") { return nil }
        (name, type) = (match.2, match.3 ?? "")
        isOfOneFile = match.1 == "let" || line.contains(/\b(?:file)?private\b/)
    }

    /// Those of a class. Nil if the file has no such class.
    static func all(of type: Substring, in file: SourceFile) -> [Field]? {
        let head = try? Regex("^(?:public |package )?final class \(type) \\{")
        let code = file.code
        guard let head, let start = code.firstIndex(where: { $0.contains(head) }) else {
            return nil
        }
        return code[start...].prefix { $0 != "}" }.compactMap { Field($0) }
    }
}

@Suite struct StateTests {
    private static let files = SourceFile.swiftSources.filter {
        $0.path.hasPrefix("Sources/CouponCore/Worker/")
    }

    @Test func `the worker's extensions cannot write its fields, nor those of its parts`() throws {
        let worker = try #require(
            Self.files.lazy.compactMap { Field.all(of: "Worker", in: $0) }.first)
        #expect(worker.count > 10)
        for field in worker where !field.isOfOneFile {
            Testing.Issue.record("Worker.\(field.name) can be written in several files")
        }
        let parts = worker.compactMap { field in
            Self.files.lazy.compactMap { Field.all(of: field.type, in: $0) }.first
                .map { (field.type, fields: $0) }
        }
        #expect(parts.count > 8)
        for (part, fields) in parts {
            #expect(!fields.isEmpty)
            for field in fields where !field.isOfOneFile {
                Testing.Issue.record("\(part).\(field.name) can be written in several files")
            }
        }
    }
}
