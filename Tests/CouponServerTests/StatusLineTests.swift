import CouponCore
import Testing

@testable import CouponServer

@Suite struct StatusLineTests {
    @Test func `the rate counts from one line to the next`() {
        var line = StatusLine(now: MonotonicTime(nanoseconds: 0))
        let first = line.next(
            connections: 412, answers: 190_000, owned: 8, partitions: 16, trouble: nil,
            now: MonotonicTime(nanoseconds: 5_000_000_000))
        #expect(first == "serving; 412 connections; 38000 requests/s; 8 of 16 partitions; ready")
        let second = line.next(
            connections: 1, answers: 190_010, owned: 16, partitions: 16,
            trouble: "Redis is not reachable", now: MonotonicTime(nanoseconds: 15_000_000_000))
        #expect(
            second == "serving; 1 connections; 1 requests/s; 16 of 16 partitions; "
                + "not ready: Redis is not reachable")
    }

    @Test func `two lines at the same time have no rate`() {
        var line = StatusLine(now: MonotonicTime(nanoseconds: 7))
        let text = line.next(
            connections: 0, answers: 5, owned: 0, partitions: 1, trouble: nil,
            now: MonotonicTime(nanoseconds: 7))
        #expect(text.contains("; 0 requests/s; "))
    }
}
