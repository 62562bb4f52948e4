import ArgumentParser
import CouponCore
import Testing

@testable import couponctl

@Suite struct TimeTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-03-01T09:00:00Z", 1_772_355_600_000_000),
            ("2024-02-29T23:59:59.000001Z", 1_709_251_199_000_001),
            ("1969-12-31T23:59:59.5Z", -500_000),
            ("2100-03-01T00:00:00Z", 4_107_542_400_000_000),
        ] as [(String, Int64)])
    func `times are written as they are read`(text: String, microseconds: Int64) {
        #expect(Timestamp(rfc3339: text)?.microseconds == microseconds)
        #expect(Timestamp(microseconds: microseconds).rfc3339 == text)
    }

    @Test(arguments: [
        ("2026-03-01T18:00:00+09:00", "2026-03-01T09:00:00Z"),
        ("2026-03-01T04:30:00-04:30", "2026-03-01T09:00:00Z"),
        ("2026-03-01t09:00:00z", "2026-03-01T09:00:00Z"),
        ("2026-03-01 09:00:00.123456789Z", "2026-03-01T09:00:00.123456Z"),
    ])
    func `offsets and finer fractions are read`(text: String, utc: String) {
        #expect(Timestamp(rfc3339: text)?.rfc3339 == utc)
    }

    @Test(arguments: [
        "", "now", "2026-03-01", "2026-03-01T09:00:00", "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T09:60:00Z",
        "2026-03-01T09:00:00.Z", "2026-03-01T09:00:00Zx", "2026-3-1T09:00:00Z",
        "+026-03-01T09:00:00Z",
    ])
    func `a text that is not a time is refused`(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test(arguments: ["9999-12-31T00:00:00Z", "1969-12-31T23:59:59Z", "+9999999999d"])
    func `the error about a moment that is not admitted names the bounds`(text: String) throws {
        let moment = try #require(Moment(argument: text))
        let error = #expect(throws: ValidationError.self) {
            try moment.resolved(now: .now, for: "--closes")
        }
        #expect(
            error?.message
                == "--closes must be from 1970-01-01T00:00:00Z to 2255-06-05T23:47:34.740992Z")
    }

    /// Every day of 800 years, there and back.
    @Test func `days are counted without a gap`() {
        for day in Int64(-146_097)...146_097 {
            let date = CivilDate(daysSinceEpoch: day)
            if date.daysSinceEpoch != day
                || CivilDate(year: date.year, month: date.month, day: date.day) != date
            {
                Testing.Issue.record("day \(day) is \(date)")
            }
        }
    }

    @Test(
        arguments: [
            ("500ms", 500), ("2s", 2000), ("1h30m", 5_400_000), ("7d", 604_800_000), ("0s", 0),
        ] as [(String, Int64)])
    func `spans are read`(text: String, milliseconds: Int64) {
        #expect(TimeSpan(argument: text)?.milliseconds == milliseconds)
    }

    @Test(arguments: ["", "5", "h", "-1h", "1y", "1h ", "1.5h", "99999999999999999d"])
    func `a text that is not a span is refused`(text: String) {
        #expect(TimeSpan(argument: text) == nil)
    }

    @Test(
        arguments: [
            ("now", 0), ("+1h", 3_600_000), ("-5m", -300_000),
        ] as [(String, Int64)])
    func `moments count from now`(text: String, milliseconds: Int64) throws {
        let now = Timestamp(microseconds: 1_772_355_600_000_000)
        let moment = try #require(Moment(argument: text))
        let time = try moment.resolved(now: now, for: "--opens")
        #expect(time == now.advanced(byMilliseconds: milliseconds))
    }

    @Test func `moments may be absolute`() throws {
        let moment = try #require(Moment(argument: "2026-03-01T09:00:00Z"))
        let time = try moment.resolved(now: .zero, for: "--opens")
        #expect(time.microseconds == 1_772_355_600_000_000)
        #expect(Moment(argument: "1h") == nil)
    }
}
