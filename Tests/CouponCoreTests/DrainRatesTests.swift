/// About when a queued request will be decided, from the pace of completion events.
import CouponCore
import Testing

private let partition = PartitionID(3)

@Suite struct DrainRatesTests {
    /// Entries `from` to `to` of epoch 1, at so many milliseconds.
    private func event(
        _ from: Int64, _ to: Int64, at milliseconds: Int64, epoch: Epoch = 1
    ) -> CompletionEvent {
        CompletionEvent(
            partition: partition, epoch: epoch, from: Position(epoch: epoch, n: from),
            to: Position(epoch: epoch, n: to),
            publishedAt: Timestamp(microseconds: milliseconds * 1_000), resolve: false,
            coupons: [], rejections: [])
    }

    private func wait(
        _ rates: DrainRates, _ n: Int64, settled: Int64, at milliseconds: Int64
    ) -> Int64? {
        rates.milliseconds(
            until: Position(epoch: 1, n: n), in: partition,
            settled: Position(epoch: 1, n: settled),
            now: Timestamp(microseconds: milliseconds * 1_000))
    }

    @Test func `a queue that moves by 100 entries a second decides the 50th in half a second`() {
        var rates = DrainRates()
        #expect(wait(rates, 50, settled: 0, at: 0) == nil)
        for step in 0...10 as ClosedRange<Int64> {
            rates.receive(event(step * 10, step * 10 + 10, at: 1_000 + step * 100))
        }
        #expect(wait(rates, 160, settled: 110, at: 2_000) == 500)
        #expect(wait(rates, 111, settled: 110, at: 2_000) == 10)
    }

    @Test func `a faster queue is noticed, and a pause does not count as a rate`() {
        var rates = DrainRates()
        var (n, at) = (Int64(0), Int64(1_000))
        func move(_ entries: Int64, after milliseconds: Int64, times: Int) {
            for _ in 0..<times {
                at += milliseconds
                rates.receive(event(n, n + entries, at: at))
                n += entries
            }
        }
        move(10, after: 100, times: 20)
        move(10, after: 30_000, times: 1)
        move(10, after: 100, times: 2)
        #expect(wait(rates, n + 100, settled: n, at: at) == 1_000)
        move(40, after: 100, times: 100)
        let faster = wait(rates, n + 100, settled: n, at: at) ?? 0
        #expect((250...260).contains(faster))
    }

    @Test func `an entry that is decided, of another epoch or without a rate has no time`() {
        var rates = DrainRates()
        rates.receive(event(0, 10, at: 1_000))
        #expect(wait(rates, 20, settled: 10, at: 1_000) == nil, "one event gives no pace")
        rates.receive(event(10, 20, at: 1_100))
        rates.receive(event(20, 20, at: 1_200))
        #expect(wait(rates, 21, settled: 20, at: 1_200) == 10)
        #expect(wait(rates, 20, settled: 20, at: 1_200) == nil)
        #expect(wait(rates, 21, settled: 20, at: 6_101) == nil, "it stands still")
        #expect(
            rates.milliseconds(
                until: Position(epoch: 2, n: 1), in: partition,
                settled: Position(epoch: 1, n: 20), now: Timestamp(microseconds: 1_200_000)) == nil)
        #expect(
            rates.milliseconds(
                until: Position(epoch: 1, n: 21), in: PartitionID(0),
                settled: Position(epoch: 1, n: 20), now: Timestamp(microseconds: 1_200_000)) == nil)
    }
}
