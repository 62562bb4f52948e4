import TestWorld
import Testing

@Suite struct GoalTests {
    @Test func `a figure that was not reached misses its goal, even in a small run`() {
        for isSmall in [false, true] {
            let goal = Goal.seconds("open", atMost: 10)
            #expect(goal.verdict(of: nil, isSmall: isSmall) == .missed)
        }
    }

    @Test func `a figure equal to its bound meets the goal`() {
        let (most, least) = (
            Goal.count("keys", .atMost(2)), Goal.count("admitted", .atLeast(2))
        )
        for (figure, isLow) in [(1.0, true), (2.0, true), (2.01, false)] {
            #expect((most.verdict(of: figure, isSmall: false) == .met) == isLow)
        }
        for (figure, isHigh) in [(1.99, false), (2.0, true), (3.0, true)] {
            #expect((least.verdict(of: figure, isSmall: false) == .met) == isHigh)
        }
    }

    @Test func `a small run judges counts, but not times`() {
        #expect(Goal.seconds("open", atMost: 1).verdict(of: 2, isSmall: true) == .unjudged)
        #expect(Goal.count("lost", .atMost(0)).verdict(of: 2, isSmall: true) == .missed)
    }
}
