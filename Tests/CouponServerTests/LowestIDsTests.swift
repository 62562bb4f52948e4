/// The lowest ids of many.
import Testing

@testable import CouponServer

@Suite struct LowestIDsTests {
    @Test(arguments: [1, 2, 7, 50, 200])
    func `the lowest ids are kept in order, whatever the order in which they come`(limit: Int) {
        let ids = Array(1...100 as ClosedRange<Int64>)
        for order in [ids, ids.reversed(), ids.shuffled(), ids.shuffled()] {
            var lowest = LowestIDs<Int64>(limit)
            for id in order { lowest.add(id, -id) }
            #expect(lowest.values == ids.prefix(limit).map { -$0 })
        }
    }
}
