import NIOCore
import Testing

@testable import chaos

@Suite struct WaitingLineTests {
    @Test func `a later piece waits for an earlier one, even if that is overdue`() {
        var line = WaitingLine()
        let start = NIODeadline.uptimeNanoseconds(1_000)
        #expect(line.turn(notBefore: start, now: start) == nil)
        let due = start + .milliseconds(120)
        #expect(line.turn(notBefore: due, now: start) == due)
        let overdue = due + .milliseconds(40)
        let next = line.turn(notBefore: overdue, now: overdue)
        #expect(next.map { $0 > due } == true, "the first one has not left yet")
        line.leave()
        line.leave()
        #expect(line.turn(notBefore: overdue, now: overdue) == nil)
    }
}
