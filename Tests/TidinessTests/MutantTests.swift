/// The mutants fit the code, each rule has one, and docs/MUTANTS.md lists them.
import Foundation
import Testing

/// A mutant of Tests/Mutants/mutants.txt, as Scripts/mutants reads it.
struct Mutant: Sendable, CustomTestStringConvertible {
    let name: String
    /// The rules as the file names them, or the reason why there is none.
    let rule: String
    let file: String
    /// The command that must notice it.
    let by: String
    let changes: [(old: String, new: String)]

    var testDescription: String { name }
    var isSimulated: Bool { by == "simulate" || by.hasPrefix("simulate ") }
    var rules: Set<Int> { Set(rule.split(separator: ", ").compactMap { Int($0) }) }
    /// As the page has it.
    var column: String { rule.replacing("none; ", with: "") }

    static let all: [Mutant] = {
        let text = SourceFile.all(below: "Tests/Mutants", endings: ["mutants.txt"]).first?.text
        return (text ?? "").components(separatedBy: "\n====\n").dropFirst().compactMap(read)
    }()

    private static func read(_ block: String) -> Mutant? {
        let newlines = CharacterSet(charactersIn: "\n")
        let parts = block.components(separatedBy: "\n----\n")
            .map { $0.trimmingCharacters(in: newlines) }
        var fields: [String: String] = [:]
        for line in parts[0].components(separatedBy: "\n") {
            guard let colon = line.range(of: ": ") else { return nil }
            fields[String(line[..<colon.lowerBound])] = String(line[colon.upperBound...])
        }
        guard let name = fields["mutant"], let rule = fields["rule"], let file = fields["file"],
            let by = fields["by"], parts.count % 2 == 1
        else { return nil }
        let changes = stride(from: 1, to: parts.count, by: 2).map {
            (old: parts[$0], new: parts[$0 + 1])
        }
        return Mutant(name: name, rule: rule, file: file, by: by, changes: changes)
    }
}

/// A mutant that is a patch, with what its first lines say.
struct MutantPatch: Sendable, CustomTestStringConvertible {
    let name: String
    /// What its first line says about rules and promises, in parentheses.
    let rule: String
    let by: String

    var testDescription: String { name }
    var rules: Set<Int> { SourceFile.numbers(behind: "rule", in: rule) }

    static let all = SourceFile.all(below: "Tests/Mutants", endings: [".patch"]).compactMap {
        file -> MutantPatch? in
        guard let name = file.path.split(separator: "/").last?.dropLast(".patch".count),
            file.lines.count > 2, file.lines[0].hasPrefix("# rule: "),
            file.lines[2].hasPrefix("# caught by: ")
        else { return nil }
        let rule = file.lines[0].dropFirst("# rule: ".count)
        return MutantPatch(
            name: String(name), rule: String(rule),
            by: String(file.lines[2].dropFirst("# caught by: ".count)))
    }
}

/// The rows of docs/MUTANTS.md.
private struct MutantPage {
    /// Names and rules, by the heading above.
    let tables: [String: [(name: String, rule: String)]]

    init() throws {
        let page = try #require(SourceFile.all(below: "docs", endings: ["MUTANTS.md"]).first)
        var tables: [String: [(name: String, rule: String)]] = [:]
        for section in page.text.components(separatedBy: "\n## ").dropFirst() {
            let lines = section.components(separatedBy: "\n")
            tables[lines[0]] = lines.dropFirst().compactMap { line in
                let cells = line.components(separatedBy: " | ")
                guard line.hasPrefix("| "), cells.count > 2, cells[0] != "| mutant" else {
                    return nil
                }
                return (
                    String(cells[0].dropFirst(2)).replacingOccurrences(of: "`", with: ""), cells[1]
                )
            }
        }
        self.tables = tables
    }

    subscript(_ heading: String) -> [(name: String, rule: String)] { tables[heading] ?? [] }
}

@Suite struct MutantTests {
    /// Rules that no mutant leaves out, with the reasons.
    private static let withoutMutant: [Int: String] = [
        10: "says that nothing depends on ownership; plays have two owners"
    ]

    private static func rules() throws -> Set<Int> {
        try SourceFile.defined(in: "docs/SAFETY.md", "**Rule ")
            .union(SourceFile.defined(in: "docs/PROGRESS.md", "**Rule "))
    }

    @Test func `the mutants are found`() {
        #expect(Mutant.all.count > 100 && MutantPatch.all.count > 10)
        let names = Mutant.all.map(\.name) + MutantPatch.all.map(\.name)
        #expect(Set(names).count == names.count, "two have one name")
    }

    @Test(arguments: Mutant.all)
    func `a mutant fits the code exactly once`(_ mutant: Mutant) throws {
        let text = try String(
            contentsOfFile: "\(SourceFile.repository)/\(mutant.file)", encoding: .utf8)
        #expect(!mutant.changes.isEmpty)
        for (old, new) in mutant.changes {
            #expect(text.components(separatedBy: old).count == 2, "\(old)")
            #expect(old != new)
        }
    }

    @Test(arguments: Mutant.all)
    func `a mutant names rules, or the page that asks for it`(_ mutant: Mutant) throws {
        if mutant.rule.hasPrefix("none; ") {
            let page = try #require(mutant.rule.firstMatch(of: /docs\/\w+\.md/)).0
            #expect(SourceFile.handwritten.contains { $0.path == page })
        } else {
            #expect(!mutant.rules.isEmpty)
            #expect(mutant.rules.isSubset(of: try Self.rules()))
        }
    }

    @Test func `each rule has a mutant`() throws {
        let named = Mutant.all.reduce(into: Set<Int>()) { $0.formUnion($1.rules) }
            .union(MutantPatch.all.reduce(into: Set<Int>()) { $0.formUnion($1.rules) })
        #expect(try Self.rules().subtracting(named) == Set(Self.withoutMutant.keys))
    }

    @Test(arguments: Mutant.all.filter { !$0.isSimulated })
    func `a test that must notice a mutant exists`(_ mutant: Mutant) {
        guard mutant.by.hasPrefix("test ") else {
            Testing.Issue.record("nothing is to notice it: \(mutant.by)")
            return
        }
        for filter in mutant.by.dropFirst("test ".count).split(separator: "|") {
            let path = filter.replacing(".", with: "/") + ".swift"
            #expect(
                SourceFile.swiftFiles.contains { $0.path.hasSuffix("/\(path)") }, "\(filter)")
        }
    }

    @Test func `simulated mutants choose plays in a way that the simulator knows`() {
        for mutant in Mutant.all where mutant.isSimulated {
            #expect(
                mutant.by.wholeMatch(
                    of: /simulate(?: --(?:weights|failovers|masters) \d+)*/) != nil,
                "\(mutant.by)")
        }
    }

    @Test func `the page has each mutant and patch with its rules, and no others`() throws {
        let page = try MutantPage()
        let caught =
            page["Caught by the simulator"] + page["Caught by tests"] + page["Caught by chaos"]
        let left = page["Not caught so far"]
        #expect(Set(caught.map(\.name)).count == caught.count, "one is caught twice")
        #expect(Set(left.map(\.name)).count == left.count, "one is left twice")
        let columns = Dictionary(
            uniqueKeysWithValues: Mutant.all.map { ($0.name, $0.column) }
                + MutantPatch.all.map { ($0.name, $0.column) })
        #expect(Set((caught + left).map(\.name)) == Set(columns.keys))
        for row in caught + left {
            #expect(row.rule == columns[row.name], "\(row.name)")
        }
    }

    @Test func `the page has each mutant in the table of what catches it`() throws {
        let page = try MutantPage()
        let bySimulator = Set(page["Caught by the simulator"].map(\.name))
        let byTests = Set(page["Caught by tests"].map(\.name))
        let left = Set(page["Not caught so far"].map(\.name))
        for mutant in Mutant.all {
            let tables = mutant.isSimulated ? bySimulator.union(left) : byTests
            #expect(tables.contains(mutant.name), "\(mutant.name)")
            #expect(!(bySimulator.contains(mutant.name) && left.contains(mutant.name)))
        }
        for patch in MutantPatch.all {
            let isChaos = patch.by.hasPrefix("make chaos")
            let table = isChaos ? page["Caught by chaos"] : page["Caught by tests"]
            #expect(table.contains { $0.name == patch.name }, "\(patch.name)")
        }
    }
}

extension MutantPatch {
    /// As the page has it: "promise 4; 35", or the sentence if no rule is named.
    fileprivate var column: String {
        guard let open = rule.lastIndex(of: "("), rule.hasSuffix(")") else { return rule }
        return String(rule[rule.index(after: open)...].dropLast())
            .replacing(", rule ", with: "; ").replacing("rules ", with: "")
            .replacing("rule ", with: "")
    }
}
