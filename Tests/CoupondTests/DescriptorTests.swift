import CouponCore
import Testing

@testable import coupond

@Suite struct DescriptorTests {
    private let reserve = Limits.reservedDescriptors(eventLoops: 4)

    @Test func `callers get the descriptors that are left, and no more than configured`() {
        func connections(limit: Int) -> Int {
            Descriptors.connections(wanted: 1_000, limit: limit, reserve: reserve)
        }
        #expect(connections(limit: .max) == 1_000)
        #expect(connections(limit: 1_000 + reserve) == 1_000)
        #expect(connections(limit: 999 + reserve) == 999)
        #expect(connections(limit: 1 + reserve) == 1)
        #expect(connections(limit: reserve) == 0)
        #expect(connections(limit: 0) < 0)
    }

    @Test func `raising the limit twice gives the same limit`() {
        let limit = Descriptors.raiseLimit()
        #expect(limit > 0)
        #expect(Descriptors.raiseLimit() == limit)
    }
}
