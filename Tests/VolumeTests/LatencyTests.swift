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
}
