/// How large a partition's transactions are.
import CouponCore
import Testing

@testable import CouponScheduler

private func at(_ milliseconds: Int64) -> MonotonicTime {
    MonotonicTime(nanoseconds: milliseconds * 1_000_000)
}

@Suite struct BatchSizeTests {
    @Test func `a batch that took too long is halved, down to one request`() {
        var batch = BatchSize(most: 5_000)
        batch.tooMany(5_000, now: at(0))
        #expect(batch.requests == 2_500)
        // Fewer requests were there than were allowed.
        batch.tooMany(40, now: at(0))
        #expect(batch.requests == 20)
        for _ in 0..<10 { batch.tooMany(batch.requests, now: at(0)) }
        #expect(batch.requests == 1)
    }

    @Test func `a size that took too long is not tried again for a minute, and then step by step`()
    {
        var batch = BatchSize(most: 5_000)
        batch.tooMany(5_000, now: at(0))
        batch.tooMany(2_500, now: at(1_000))
        for second in 1...60 as ClosedRange<Int64> {
            batch.committed(inMilliseconds: 10, othersKeepUp: false, now: at(second * 1_000))
            #expect(batch.requests == 1_250)
        }
        batch.committed(inMilliseconds: 10, othersKeepUp: false, now: at(61_000))
        #expect(batch.requests == 2_500)
        for _ in 0..<5 { batch.committed(inMilliseconds: 10, othersKeepUp: false, now: at(62_000)) }
        #expect(batch.requests == 5_000)
    }

    @Test func `slow transactions become smaller, and larger only if they are quick`() {
        var batch = BatchSize(most: 1_000)
        batch.committed(inMilliseconds: 501, othersKeepUp: false, now: at(0))
        #expect(batch.requests == 500)
        batch.committed(inMilliseconds: 500, othersKeepUp: false, now: at(0))
        batch.committed(inMilliseconds: 100, othersKeepUp: false, now: at(0))
        #expect(batch.requests == 500)
        batch.committed(inMilliseconds: 99, othersKeepUp: false, now: at(0))
        #expect(batch.requests == 1_000)
        batch.committed(inMilliseconds: 0, othersKeepUp: false, now: at(0))
        #expect(batch.requests == 1_000)
        for _ in 0..<20 { batch.committed(inMilliseconds: 9_000, othersKeepUp: false, now: at(0)) }
        #expect(batch.requests == 1)
    }

    @Test func `transactions are short while others keep up, but never tiny`() {
        var batch = BatchSize(most: 5_000)
        batch.committed(inMilliseconds: 80, othersKeepUp: true, now: at(0))
        #expect(batch.requests == 2_500)
        for _ in 0..<10 { batch.committed(inMilliseconds: 7, othersKeepUp: true, now: at(0)) }
        #expect(batch.requests == 256)
        for took in [2, 5] as [Int64] {
            batch.committed(inMilliseconds: took, othersKeepUp: true, now: at(0))
        }
        #expect(batch.requests == 256)
        batch.committed(inMilliseconds: 1, othersKeepUp: true, now: at(0))
        #expect(batch.requests == 512)
        // A size for which the server was too slow is not tried again because others keep up.
        batch.tooMany(64, now: at(0))
        batch.committed(inMilliseconds: 400, othersKeepUp: true, now: at(0))
        #expect(batch.requests == 32)
    }

    @Test func `an entry that was too slow gets more time, up to a bound, for a minute`() {
        var batch = BatchSize(most: 1)
        #expect(batch.statementMilliseconds == 1_000)
        batch.tooSlowAlone(now: at(0))
        #expect(batch.statementMilliseconds == 2_000)
        for _ in 0..<100 { batch.tooSlowAlone(now: at(0)) }
        #expect(batch.statementMilliseconds == 20_000)
        batch.committed(inMilliseconds: 10_000, othersKeepUp: false, now: at(60_000))
        #expect(batch.statementMilliseconds == 1_000)
    }
}
