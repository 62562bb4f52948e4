/// How soon something that failed is tried again.
import CouponCore
import Testing

@Suite struct BackOffTests {
    @Test(arguments: [500, 2_000] as [Int64])
    func `the pause doubles up to a bound, with jitter, until a success`(longest: Int64) {
        var backOff = BackOff(longest: longest)
        for _ in 1...2 {
            var full: Int64 = 50
            for failures in 0..<100 {
                #expect(backOff.failures == failures)
                #expect((full / 2...full).contains(backOff.next()))
                full = min(2 * full, longest)
            }
            backOff.reset()
        }
        let waits = Set(
            (1...100).map { _ in BackOff(longest: longest) }.map { one in
                var one = one
                return one.next()
            })
        #expect(waits.count > 5)
    }
}
