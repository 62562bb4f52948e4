/// No case passes although nothing has happened.
import TestWorld
import Testing

@testable import volume

@Suite struct CaseTests {
    /// Figures that say how much was lost or wasted: 0 is good. Other goals say that something has happened.
    private static let costs: Set<String> = [
        "epochs", "sessions_lost", "peak_copies", "left_copies", "staged_keys", "generations",
        "bytes_per_holder", "kept_bytes_per_holder", "out_of_order", "spent", "memory",
    ]

    @Test(arguments: Case.all.map(\.name))
    func `each case has a goal that a small run judges`(name: String) throws {
        let theCase = try #require(Case.all.first { $0.name == name })
        #expect(theCase.goals.contains { $0.kind == .count && $0.bound != .recorded })
    }

    @Test func `a count that stays at zero misses its goal, unless it is a cost`() {
        let goals = Case.all.flatMap(\.goals).filter { $0.kind == .count && $0.bound != .recorded }
        let met = goals.filter { $0.verdict(of: 0, isSmall: true) == .met }.map(\.key)
        #expect(Set(met) == Self.costs)
        for goal in goals { #expect(goal.verdict(of: nil, isSmall: true) == .missed) }
    }

    @Test func `a small run has several numbers of daemons only where several are the point`() {
        let several = Case.all.filter { $0.numbers(isSmall: true).count > 1 }.map(\.name)
        #expect(several == ["backlog", "all-gates"])
        for theCase in Case.all { #expect(theCase.numbers(isSmall: false) == theCase.daemons) }
    }

    @Test func `each case has a name of its own`() {
        #expect(Set(Case.all.map(\.name)).count == Case.all.count)
    }
}
