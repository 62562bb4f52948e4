/// Lines of the trail that wait for PostgreSQL.
import CouponCore
import Testing

@testable import CouponServer

@Suite struct TrailQueueTests {
    private let now = MonotonicTime(nanoseconds: 0)

    private func action(_ number: UInt64) -> AdminAction {
        AdminAction(
            call: AdminCall(
                principal: "amy", address: "::1", method: "reload", request: number))
    }

    @Test func `lines keep their order after a failed try`() {
        var queue = TrailQueue()
        let added = [queue.add(action(1)), queue.add(action(2))]
        #expect(added == [true, true])
        queue.denied.count(action(9).call, .permissionDenied, at: now)
        let due = queue.removeDue(at: now)
        #expect(due.actions == [action(1), action(2)] && due.denied.isEmpty && queue.count == 0)
        _ = queue.add(action(3))
        let lost = queue.restore(due.actions, due.denied, at: now)
        #expect(lost.isEmpty)
        let all = queue.close()
        #expect(all.dropLast() == [action(1), action(2), action(3)])
        #expect(all.last?.outcome == "PERMISSION_DENIED" && all.count == 4)
    }

    @Test func `the queue is bounded`() {
        var queue = TrailQueue()
        for number in 0..<Limits.trailLinesWaiting { _ = queue.add(action(UInt64(number))) }
        let isAdded = queue.add(action(0))
        #expect(!isAdded && queue.count == Limits.trailLinesWaiting)
        // More come while PostgreSQL does not answer.
        let due = queue.removeDue(at: now)
        let isLateAdded = queue.add(action(5_000))
        let lost = queue.restore(due.actions, due.denied, at: now)
        #expect(isLateAdded && lost == [action(5_000)])
        #expect(queue.count == Limits.trailLinesWaiting)
    }

    @Test func `lines that come, or come back, after the end are lost`() {
        var queue = TrailQueue()
        _ = queue.add(action(1))
        queue.denied.count(action(9).call, .permissionDenied, at: now)
        let later = now.advanced(byMilliseconds: Limits.deniedCallsMilliseconds)
        let due = queue.removeDue(at: later)
        _ = queue.add(action(2))
        let last = queue.close()
        #expect(last == [action(2)])
        let isAdded = queue.add(action(3))
        let lost = queue.restore(due.actions, due.denied, at: later)
        #expect(!isAdded && lost.map(\.call) == [action(1).call, action(9).call])
        let nothing = queue.close()
        #expect(nothing.isEmpty && queue.count == 0)
    }
}
