import CouponCore
import Testing

@testable import CouponServer

@Suite struct TurnSampleTests {
    @Test func `one turn in 16 is measured, however much is read in it`() {
        var turn = Turn()
        var measured = 0
        for _ in 0..<160 {
            for _ in 0..<3 {
                turn.begin { .init(began: MonotonicTime(nanoseconds: 1), bounced: 0) }
            }
            _ = turn.beginEnd()
            _ = turn.end()
            if turn.dequeueSample() != nil { measured += 1 }
            let second = turn.dequeueSample()
            #expect(second == nil)
        }
        #expect(measured == 10)
    }
}
