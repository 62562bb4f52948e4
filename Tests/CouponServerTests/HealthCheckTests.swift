/// One check at a time, for all callers.
import CouponCore
import Testing

@testable import CouponServer

@Suite struct HealthCheckTests {
    @Test func `callers that arrive during a check get its result`() {
        let callers = (1...3).map { Caller(connection: 1, request: $0) }
        var check = HealthCheck()
        let starts = [check.add(callers[0]), check.add(callers[1])]
        #expect(starts == [true, false])
        #expect(check.count == 2)
        let answered = check.end()
        #expect(answered == Array(callers[..<2]))
        #expect(check.count == 0)
        let startsAgain = check.add(callers[2])
        #expect(startsAgain, "the next caller starts another check")
    }
}
