/// Rates, with a clock that the test moves.
import CouponCore
import Testing

@testable import CouponServer

@Suite struct TokenBucketTests {
    private let rate = Rate(perSecond: 10, burst: 3)

    private func at(_ milliseconds: Int64) -> MonotonicTime {
        MonotonicTime(nanoseconds: 1_000_000_000).advanced(byMilliseconds: milliseconds)
    }

    @Test func `a full bucket has its burst, then a token for each interval`() {
        var bucket = TokenBucket()
        let first = (1...4).map { _ in bucket.spend(rate, now: at(0)) }
        #expect(first == [nil, nil, nil, 100])
        let later = [99, 100, 100].map { bucket.spend(rate, now: at($0)) }
        #expect(later == [1, nil, 100])
    }

    @Test func `a bucket never holds more than its burst`() {
        var bucket = TokenBucket()
        _ = bucket.spend(rate, now: at(0))
        let spent = (1...5).count { _ in bucket.spend(rate, now: at(3_600_000)) == nil }
        #expect(spent == 3)
    }

    @Test func `the named wait is right to the millisecond`() throws {
        var bucket = TokenBucket()
        let odd = Rate(perSecond: 7, burst: 1)
        _ = bucket.spend(odd, now: at(0))
        let wait = try #require(bucket.wait(odd, now: at(0)))
        #expect(bucket.wait(odd, now: at(Int64(wait) - 1)) != nil)
        #expect(bucket.wait(odd, now: at(Int64(wait))) == nil)
    }

    @Test func `charges beyond the burst are owed, but never more than a full bucket`() {
        var bucket = TokenBucket()
        for _ in 1...5 { bucket.charge(rate, now: at(0)) }
        #expect(bucket.wait(rate, now: at(0)) == 300)
        for _ in 1...1_000 { bucket.charge(rate, now: at(0)) }
        #expect(bucket.wait(rate, now: at(0)) == 400)
        #expect(bucket.wait(rate, now: at(400)) == nil)
    }

    @Test func `a clock that begins anywhere is fine`() {
        for start in [Int64.min / 2, 0, Int64.max / 2] {
            var bucket = TokenBucket()
            let now = MonotonicTime(nanoseconds: start)
            let spent = (1...5).count { _ in bucket.spend(rate, now: now) == nil }
            #expect(spent == 3)
        }
    }
}

@Suite struct UserRatesTests {
    private let now = MonotonicTime(nanoseconds: 5)

    @Test func `each user has a rate of its own`() {
        let rates = UserRates(Rate(perSecond: 2))
        for user in 1...100 as ClosedRange<Int64> {
            let waits = (1...3).map { _ in rates.spend(UserID(user), now: now) }
            #expect(waits == [nil, nil, 500], "user \(user)")
        }
        let later = now.advanced(byMilliseconds: 500)
        #expect(rates.spend(UserID(7), now: later) == nil)
    }

    @Test func `a user who takes another user's place in the table is not limited for it`() {
        let rates = UserRates(Rate(perSecond: 1), capacity: 2)
        for user in 1...3 as ClosedRange<Int64> {
            #expect(rates.spend(UserID(user), now: now) == nil)
            #expect(rates.spend(UserID(user), now: now) != nil)
        }
    }

    @Test func `two users who need the same places are both limited`() {
        let rates = UserRates(Rate(perSecond: 1), capacity: 2)
        for _ in 1...2 {
            _ = rates.spend(UserID(1), now: now)
            _ = rates.spend(UserID(2), now: now)
        }
        #expect(rates.spend(UserID(1), now: now) != nil)
        #expect(rates.spend(UserID(2), now: now) != nil)
    }
}

@Suite struct ConnectionLimitsTests {
    private let now = MonotonicTime(nanoseconds: 5)

    @Test func `retries are limited, and go on after the wait`() throws {
        var limits = ConnectionLimits()
        let allowed = (1...20_000).count { _ in limits.retry(now: now) == nil }
        #expect(allowed == Limits.retriesAtOnce)
        let refused = limits.retry(now: now)
        let wait = try #require(refused)
        let next = limits.retry(now: now.advanced(byMilliseconds: Int64(wait)))
        #expect(next == nil)
    }

    @Test func `a connection that asks for too many unknown coupons must wait until they are paid`()
        throws
    {
        var limits = ConnectionLimits()
        for _ in 1..<Limits.unknownCouponsAtOnce { limits.countUnknownCoupon(now: now) }
        #expect(!limits.isGuessing)
        for _ in 1...Limits.unknownCouponsPerSecond { limits.countUnknownCoupon(now: now) }
        #expect(limits.isGuessing)
        let wait = limits.guess(now: now)
        #expect(try #require(wait) >= 900)
        let later = limits.guess(now: now.advanced(byMilliseconds: 1_000))
        #expect(later == nil)
        #expect(!limits.isGuessing)
    }
}
