import TestWorld
import Testing

@Suite struct LatencyTests {
    @Test func `a percentile is the nearest rank`() {
        var latencies = Latencies()
        #expect(latencies.percentile(99) == nil)
        for value in (1...200).reversed() { latencies.add(Double(value)) }
        #expect(latencies.percentile(99) == 198)
        #expect(latencies.percentile(50) == 100)
        #expect(latencies.percentile(100) == 200)
        #expect(latencies.percentile(0) == 1)
        #expect(latencies.longest == 200)
    }

    @Test func `the base of a ratio is the calmer one of two runs`() {
        var (calm, spoilt) = (Latencies(), Latencies())
        for value in 1...200 {
            calm.add(Double(value))
            spoilt.add(9_000)
        }
        #expect(calm.calmer(spoilt).percentile(99) == 198)
        #expect(spoilt.calmer(calm).percentile(99) == 198)
        #expect(calm.calmer(Latencies()).percentile(99) == 198, "nothing was measured")
    }
}
