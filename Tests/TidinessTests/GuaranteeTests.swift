/// docs/GUARANTEES.md and docs/THREAT_MODEL.md name only tests that exist.
import Testing

/// A test as the page names it: *Suite/test*.
struct NamedTest: Sendable, CustomTestStringConvertible {
    let suite: String
    let name: String

    var testDescription: String { "\(suite)/\(name)" }

    private static let pages = SourceFile.all(
        below: "docs", endings: ["GUARANTEES.md", "THREAT_MODEL.md"])

    static let all: [NamedTest] = pages.flatMap { page in
        page.text.matches(of: /\*(\w+Tests)\/([^*]+)\*/).map {
            NamedTest(suite: String($0.1), name: String($0.2))
        }
    }
}

@Suite struct GuaranteeTests {
    @Test func `tests are named for every promise`() throws {
        let page = try #require(SourceFile.all(below: "docs", endings: ["GUARANTEES.md"]).first)
        let promises = page.text.split(separator: "\n## ").dropFirst().prefix(13)
        #expect(promises.count == 13)
        for promise in promises {
            #expect(promise.contains(/\*\w+Tests\//), "\(promise.prefix(30))")
        }
    }

    @Test(arguments: NamedTest.all)
    func `a named test exists, in a file with its suite's name`(_ test: NamedTest) {
        let files = SourceFile.swiftFiles.filter {
            $0.path.hasPrefix("Tests/") && $0.path.hasSuffix("/\(test.suite).swift")
        }
        let exists = files.contains { file in
            file.text.contains("struct \(test.suite)")
                && (file.text.contains("func \(test.name)(")
                    || file.text.contains("func `\(test.name)`("))
        }
        #expect(exists, "\(test.testDescription) is not a test in \(test.suite).swift")
    }

    @Test(arguments: SourceFile.swiftFiles.filter { $0.path.hasSuffix("Tests.swift") })
    func `a file of tests has a suite of its name`(_ file: SourceFile) throws {
        let name = try #require(file.path.split(separator: "/").last?.dropLast(".swift".count))
        #expect(
            file.code.contains { $0.contains("struct \(name) ") || $0.contains("struct \(name):") },
            "\(file.path)")
    }
}
