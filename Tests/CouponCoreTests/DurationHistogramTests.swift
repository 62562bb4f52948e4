import CouponCore
import Testing

@Suite struct DurationHistogramTests {
    @Test(arguments: DurationHistogram.bounds.indices)
    func `a duration counts in the first bucket whose bound it does not exceed`(_ index: Int) {
        let bound = Int64((DurationHistogram.bounds[index] * 1e9).rounded())
        var histogram = DurationHistogram()
        histogram.record(nanoseconds: bound)
        histogram.record(nanoseconds: bound + 1)
        #expect(histogram.count(upTo: index) == 1)
        #expect(index == 0 || histogram.count(upTo: index - 1) == 0)
        #expect(histogram.count == 2)
        #expect(histogram.nanoseconds == 2 * bound + 1)
    }

    @Test func `many of one duration count at once, and histograms add up`() {
        var one = DurationHistogram()
        one.record(nanoseconds: 1_000, times: 40)
        // A clock that was read on another core may be a little behind.
        one.record(nanoseconds: -5)
        var other = DurationHistogram()
        other.record(nanoseconds: 60_000_000_000)
        one += other
        #expect(one.count(upTo: 0) == 41)
        #expect(one.count(upTo: DurationHistogram.bounds.count - 1) == 41)
        #expect(one.count == 42)
        #expect(one.nanoseconds == 60_000_040_000)
    }
}
