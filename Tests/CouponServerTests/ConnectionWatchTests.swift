/// Which connections are closed, looked at once for each second that passes.
import CouponCore
import Testing

@testable import CouponServer

@Suite struct ConnectionWatchTests {
    private let times = ConnectionWatch.Times(isCrowded: false, idle: 600)
    private let crowded = ConnectionWatch.Times(isCrowded: true, idle: 600)

    /// The first reason, and after how many looks it came.
    private func end(
        _ watch: ConnectionWatch, _ times: ConnectionWatch.Times, looks: Int = 2_000,
        _ look: (Int, inout ConnectionWatch) -> ConnectionWatch.Look
    ) -> (reason: LimitReason, seconds: Int)? {
        var watch = watch
        for second in 1...looks {
            let seen = look(second, &watch)
            if let reason = watch.look(seen, times) { return (reason, second) }
        }
        return nil
    }

    @Test func `a silent connection may stay for the idle time`() throws {
        let silent = try #require(end(ConnectionWatch(), times) { _, _ in .init() })
        #expect(silent.reason == .firstFrame && silent.seconds == 601)
        var known = ConnectionWatch()
        known.receivedFrame()
        let idle = try #require(end(known, times) { _, _ in .init() })
        #expect(idle.reason == .idle && idle.seconds == 601)
    }

    @Test func `while places are rare, unused places are freed earlier`() throws {
        let silent = try #require(end(ConnectionWatch(), crowded) { _, _ in .init() })
        #expect(silent.reason == .firstFrame && silent.seconds == Limits.firstFrameSeconds + 1)
        var known = ConnectionWatch()
        known.receivedFrame()
        let idle = try #require(end(known, crowded) { _, _ in .init() })
        #expect(idle.reason == .idle && idle.seconds == Limits.crowdedIdleSeconds + 1)
    }

    @Test func `a connection with a request every few minutes, or one without an answer, may stay`()
    {
        let seldom = end(ConnectionWatch(), times) { second, watch in
            if second % 500 == 0 {
                watch.hasReceived = true
                watch.receivedFrame()
            }
            return .init()
        }
        #expect(seldom == nil)
        #expect(end(ConnectionWatch(), crowded) { _, _ in .init(isAtRest: false) } == nil)
    }

    @Test func `a frame must be complete in time, however its bytes come`() throws {
        let trickle = end(ConnectionWatch(), times) { _, watch in
            watch.hasReceived = true
            return .init(isInFrame: true, isAtRest: false)
        }
        let late = try #require(trickle)
        #expect(late.reason == .frame && late.seconds == Limits.frameSeconds + 1)
        let steady = end(ConnectionWatch(), times) { second, watch in
            watch.hasReceived = true
            if second % Limits.frameSeconds == 0 { watch.receivedFrame() }
            return .init(isInFrame: true, isAtRest: false)
        }
        #expect(steady == nil, "each frame has the whole time")
    }

    @Test func `a client that takes no byte of its answers is disconnected`() throws {
        var full = ConnectionWatch()
        full.gave(100_000)
        let stuck = try #require(end(full, times) { _, _ in .init(unsent: 100_000) })
        #expect(stuck.reason == .unread)
        #expect(stuck.seconds == Limits.unreadSeconds + 1)
    }

    @Test func `a client that reads slowly may stay, even if more answers come than it reads`() {
        var unsent = 0
        let slow = end(ConnectionWatch(), times) { second, watch in
            if second % 5 == 0 {
                watch.gave(1_000)
                unsent += 1_000
            }
            if second % Limits.unreadSeconds == 0 { unsent -= 1 }
            return .init(unsent: unsent)
        }
        #expect(slow == nil)
    }

    @Test func `answers that are given while nothing is read do not count as progress`() throws {
        var unsent = 0
        let stuck = end(ConnectionWatch(), times) { _, watch in
            watch.gave(1_000)
            unsent += 1_000
            return .init(unsent: unsent)
        }
        #expect(try #require(stuck).reason == .unread)
    }

    @Test func `a socket is only asked if something was given to it`() {
        var watch = ConnectionWatch()
        #expect(!watch.mayHaveUnsent)
        watch.gave(5)
        #expect(watch.mayHaveUnsent)
        _ = watch.look(.init(unsent: 5), times)
        #expect(watch.mayHaveUnsent)
        _ = watch.look(.init(unsent: 0), times)
        #expect(!watch.mayHaveUnsent)
    }
}
