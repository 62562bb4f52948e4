import NIOCore
import Testing

@testable import CouponClient

@Suite struct RetryBudgetTests {
    private let begin = NIODeadline.uptimeNanoseconds(1_000_000_000)

    /// How many retries it allows, of so many, this long after its beginning.
    private func withdrawals(
        _ count: Int, from budget: inout RetryBudget, after time: TimeAmount = .zero
    ) -> Int {
        var allowed = 0
        for _ in 0..<count where budget.withdraw(now: begin + time) { allowed += 1 }
        return allowed
    }

    @Test func `five calls pay for one retry, once the first hundred are used up`() {
        var budget = RetryBudget(now: begin)
        let first = withdrawals(200, from: &budget)
        #expect(first == 100)
        for _ in 1...4 { budget.deposit() }
        let early = withdrawals(1, from: &budget)
        #expect(early == 0)
        for _ in 1...2 { budget.deposit() }
        let late = withdrawals(2, from: &budget)
        #expect(late == 1)
    }

    @Test func `a budget does not grow beyond a hundred`() {
        var budget = RetryBudget(now: begin)
        for _ in 1...1_000 { budget.deposit() }
        let allowed = withdrawals(200, from: &budget)
        #expect(allowed == 100)
    }

    @Test func `ten retries a second are free`() {
        var budget = RetryBudget(now: begin)
        let first = withdrawals(200, from: &budget)
        #expect(first == 100)
        for tenth in 1...30 as ClosedRange<Int64> {
            let allowed = withdrawals(2, from: &budget, after: .milliseconds(tenth * 100 + 1))
            #expect(allowed == 1)
        }
        let afterRest = withdrawals(200, from: &budget, after: .minutes(1))
        #expect(afterRest == 100)
    }
}
