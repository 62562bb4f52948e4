/// Comments and pages refer only to texts of this repository.
import Foundation
import Testing

/// Migrations that have landed are not edited.
private let files = SourceFile.handwritten.filter { !$0.path.contains("/Migrations/") }

@Suite struct ReferenceTests {
    /// The numbers behind `rule` or `promise`: "rule 9", "rules 11 to 13", "rules 8 and 9", "rules 41, 45".
    private func numbers(behind word: String, in text: String) -> Set<Int> {
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

    private func defined(in path: String, _ prefix: String) throws -> Set<Int> {
        let page = try #require(SourceFile.handwritten.first { $0.path.hasSuffix(path) })
        return Set(
            page.lines.compactMap { line in
                guard line.hasPrefix(prefix) else { return nil }
                return Int(line.dropFirst(prefix.count).prefix { $0.isNumber })
            })
    }

    @Test func `a reference is found in each form in which it is written`() {
        #expect(
            numbers(behind: "rule", in: "(rules 8, 9 and 11 to 13), Rule 40") == [8, 9, 11, 13, 40])
        #expect(numbers(behind: "promise", in: "promise 10 and the rule 30") == [10])
    }

    @Test func `each named rule and promise exists`() throws {
        let rules = try defined(in: "docs/SAFETY.md", "**Rule ")
            .union(defined(in: "docs/PROGRESS.md", "**Rule "))
        let promises = try defined(in: "docs/GUARANTEES.md", "## ")
        #expect(rules.count > 30 && promises.count >= 11)
        for file in files {
            let unknown = numbers(behind: "rule", in: file.text).subtracting(rules)
            #expect(unknown.isEmpty, "\(file.path) names rule \(unknown.sorted())")
            let broken = numbers(behind: "promise", in: file.text).subtracting(promises)
            #expect(broken.isEmpty, "\(file.path) names promise \(broken.sorted())")
        }
    }

    @Test(arguments: files)
    func `no file refers to a text outside the repository`(_ file: SourceFile) {
        // Written in two parts, so that this file passes too.
        for word in [
            "hole" + "s? [0-9]", "CONT" + "RACT", "the" + " plan\\b", "\\bfault" + " [0-9]",
        ] {
            let found = file.text.range(of: word, options: .regularExpression)
            #expect(found == nil, "\(file.path) says \(found.map { file.text[$0] } ?? "")")
        }
    }
}
