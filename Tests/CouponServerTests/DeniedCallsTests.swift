/// Denied calls of callers with a name, counted by the minute for the trail.
import CouponCore
import Testing

@testable import CouponServer

@Suite struct DeniedCallsTests {
    private let start = MonotonicTime(nanoseconds: 5_000_000_000)
    private var later: MonotonicTime {
        start.advanced(byMilliseconds: Limits.deniedCallsMilliseconds)
    }

    private func call(_ principal: String, _ method: String, _ request: UInt64 = 1) -> AdminCall {
        AdminCall(principal: principal, address: "10.0.0.1", method: method, request: request)
    }

    @Test func `calls of one kind are one line, with their number, when the minute is over`() {
        var denied = DeniedCalls()
        for request in 1...1_000 {
            denied.count(call("bob", "close_coupon", UInt64(request)), .permissionDenied, at: start)
        }
        denied.count(call("bob", "reload"), .permissionDenied, at: later)
        denied.count(call("amy", "reload"), .unauthenticated, at: start)
        let early = denied.removeDue(at: later.advanced(byMilliseconds: -1))
        #expect(early.isEmpty)
        let actions = denied.removeDue(at: later).map(\.action)
        #expect(actions.map(\.call.principal) == ["amy", "bob", "bob"])
        #expect(actions.map(\.call.method) == ["reload", "close_coupon", "reload"])
        #expect(actions.map(\.count) == [1, 1_000, 1])
        #expect(actions[1].call.request == 1_000, "the last one")
        #expect(
            actions.map(\.outcome)
                == ["UNAUTHENTICATED", "PERMISSION_DENIED", "PERMISSION_DENIED"])
        let again = denied.removeDue(at: nil)
        #expect(again.isEmpty)
    }

    @Test func `the number of kinds is bounded, and no call is forgotten`() {
        var denied = DeniedCalls()
        for number in 0..<(10 * Limits.deniedCallKinds) {
            denied.count(call("p\(number)", "reload"), .permissionDenied, at: start)
        }
        let entries = denied.removeDue(at: later)
        #expect(entries.count == Limits.deniedCallKinds + 1)
        #expect(entries.map(\.count).reduce(0, +) == Int64(10 * Limits.deniedCallKinds))
        #expect(entries.first?.call.principal == "*")
    }

    @Test func `calls whose line cannot be written stay counted`() {
        var denied = DeniedCalls()
        denied.count(call("bob", "reload"), .permissionDenied, at: start)
        let entries = denied.removeDue(at: nil)
        denied.count(call("bob", "reload"), .permissionDenied, at: later)
        denied.restore(entries, at: later)
        let all = denied.removeDue(at: nil)
        #expect(all.map(\.count) == [2])
    }
}
