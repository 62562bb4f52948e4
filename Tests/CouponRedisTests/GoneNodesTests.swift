/// Which connections to nodes that are gone are closed, and when.
import NIOCore
import Testing

@testable import CouponRedis

@Suite struct GoneNodesTests {
    private let start = NIODeadline.uptimeNanoseconds(1)
    private let pause = TimeAmount.minutes(10)

    @Test func `a node that serves nothing for long is closed, and the others stay`() {
        var gone = GoneNodes()
        gone.update(count: 3, serving: [0, 1], now: start)
        gone.update(count: 3, serving: [0], now: start + .minutes(5))
        let closed = [9, 10, 14, 15].map { minute in
            gone.close(after: pause, now: start + .minutes(minute)) { _ in true }
        }
        #expect(closed == [[], [2], [], [1]])
        #expect(gone.isEmpty && gone.closed == [1, 2])
        gone.update(count: 3, serving: [0], now: start + .minutes(20))
        #expect(gone.isEmpty, "they are closed once")
    }

    @Test func `a node that comes back in time stays`() {
        var gone = GoneNodes()
        gone.update(count: 2, serving: [0], now: start)
        gone.update(count: 2, serving: [0, 1], now: start + .minutes(9))
        gone.update(count: 2, serving: [0], now: start + .minutes(11))
        let closed = gone.close(after: pause, now: start + .minutes(20)) { _ in true }
        #expect(closed.isEmpty && !gone.isEmpty)
    }

    @Test func `a connection whose node may still answer a call stays`() {
        var gone = GoneNodes()
        gone.update(count: 1, serving: [], now: start)
        let closed = [false, true].map { mayGo in
            gone.close(after: pause, now: start + pause) { _ in mayGo }
        }
        #expect(closed == [[], [0]])
    }
}
