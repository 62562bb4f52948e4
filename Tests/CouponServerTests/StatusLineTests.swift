import CouponCore
import Testing

@testable import CouponServer

@Suite struct StatusLineTests {
    private func condition(
        trouble: String? = nil, redis: String? = nil, queues: String? = nil,
        missingRights: String? = nil
    ) -> Condition {
        Condition(
            loops: [
                LoopCondition(
                    partitionsOpen: 16, isDraining: false, redis: redis, events: nil,
                    whyNotReady: trouble)
            ], partitions: 16, queues: queues, missingRights: missingRights)
    }

    /// The line of a daemon at rest.
    private func line(_ condition: Condition) -> String {
        let now = MonotonicTime(nanoseconds: 7)
        var line = StatusLine(now: now)
        return line.next(
            connections: 1, answers: 0, queued: 0, owned: 16, condition: condition, now: now)
    }

    @Test func `the rate counts from one line to the next`() {
        var line = StatusLine(now: MonotonicTime(nanoseconds: 0))
        let first = line.next(
            connections: 412, answers: 190_000, queued: 0, owned: 8, condition: condition(),
            now: MonotonicTime(nanoseconds: 5_000_000_000))
        #expect(
            first == "serving; 412 connections; 38,000 requests/s; queue 0; redis ok; postgres ok; "
                + "8 of 16 partitions; ready")
        let second = line.next(
            connections: 1, answers: 190_010, queued: 1_234_567, owned: 16, condition: condition(),
            now: MonotonicTime(nanoseconds: 15_000_000_000))
        #expect(
            second == "serving; 1 connections; 1 requests/s; queue 1,234,567; redis ok; "
                + "postgres ok; 16 of 16 partitions; ready")
    }

    @Test func `two lines at the same time have no rate`() {
        var line = StatusLine(now: MonotonicTime(nanoseconds: 7))
        let text = line.next(
            connections: 0, answers: 5, queued: 999, owned: 0, condition: condition(),
            now: MonotonicTime(nanoseconds: 7))
        #expect(text.contains("; 0 requests/s; queue 999; "))
    }

    @Test func `a server that is away is named, and nothing is ready then`() {
        let away = "Redis is not reachable"
        #expect(
            line(condition(trouble: away, redis: away)).hasSuffix(
                "; redis not ok; postgres ok; 16 of 16 partitions; not ready: \(away)"))
        #expect(
            line(condition(queues: "PostgreSQL: connection refused")).hasSuffix(
                "; redis ok; postgres not ok; 16 of 16 partitions; "
                    + "accepted requests wait: PostgreSQL: connection refused"))
        #expect(line(condition(missingRights: "INSERT")).hasSuffix("; not ready: INSERT"))
    }
}
