/// Comments and pages refer only to texts of this repository.
import Foundation
import Testing

/// Migrations that have landed are not edited.
private let files = SourceFile.handwritten.filter { !$0.path.contains("/Migrations/") }

@Suite struct ReferenceTests {
    @Test func `a reference is found in each form in which it is written`() {
        #expect(
            SourceFile.numbers(behind: "rule", in: "(rules 8, 9 and 11 to 13), Rule 40") == [
                8, 9, 11, 13, 40,
            ])
        #expect(SourceFile.numbers(behind: "promise", in: "promise 10 and the rule 30") == [10])
    }

    @Test func `each named rule and promise exists`() throws {
        let rules = try SourceFile.defined(in: "docs/SAFETY.md", "**Rule ")
            .union(SourceFile.defined(in: "docs/PROGRESS.md", "**Rule "))
        let promises = try SourceFile.defined(in: "docs/GUARANTEES.md", "## ")
        #expect(rules.count > 30 && promises.count >= 11)
        for file in files {
            let unknown = SourceFile.numbers(behind: "rule", in: file.text).subtracting(rules)
            #expect(unknown.isEmpty, "\(file.path) names rule \(unknown.sorted())")
            let broken = SourceFile.numbers(behind: "promise", in: file.text).subtracting(promises)
            #expect(broken.isEmpty, "\(file.path) names promise \(broken.sorted())")
        }
    }

    @Test func `the page for authors of clients names each file of the schema`() throws {
        let page = try #require(
            SourceFile.all(below: "docs", endings: ["WRITING_A_CLIENT.md"]).first)
        let named = page.text.matches(of: /coupond\/v1\/\w+\.proto/)
            .map { "Proto/\($0.output)" }
        let schema = SourceFile.all(below: "Proto/coupond/v1", endings: [".proto"]).map(\.path)
        #expect(named == schema && schema.count >= 6)
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

    @Test(arguments: files)
    func `no file uses another word for a word of the glossary`(_ file: SourceFile) {
        // Other words for a front door, a sequence, a sweep and a rule. `>I8` is not one of them: it is a
        // format of packed numbers.
        for word in [
            "[Ll]ocal cac" + "he", "[Oo]rder num" + "ber", "[Cc]lean-" + "up",
            "(?<![>'])\\bI[1-9]\\b",
        ] {
            let found = file.text.range(of: word, options: .regularExpression)
            #expect(found == nil, "\(file.path) says \(found.map { file.text[$0] } ?? "")")
        }
    }
}
