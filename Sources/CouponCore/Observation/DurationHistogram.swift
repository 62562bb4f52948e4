/// How long things took, counted by bounds as Prometheus' histograms are.
///
/// A value with its counts inside: to record a duration takes a few comparisons and additions, no lock and no
/// memory. Each event loop has its own; a reader adds them up.
package struct DurationHistogram: Sendable {
    /// The upper bounds of the buckets, in seconds; one more bucket has the rest.
    package static let bounds = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
    ]

    private var counts = InlineArray<16, Int>(repeating: 0)
    /// How many durations were recorded.
    package private(set) var count = 0
    /// All durations together, in nanoseconds.
    package private(set) var nanoseconds: Int64 = 0

    package init() {}

    /// - Parameter times: how many things took so long.
    package mutating func record(nanoseconds: Int64, times: Int = 1) {
        counts[Self.bucket(of: nanoseconds)] &+= times
        count &+= times
        self.nanoseconds &+= max(0, nanoseconds) &* Int64(times)
    }

    /// How many took at most as long as the bound with this index.
    package func count(upTo bound: Int) -> Int {
        var sum = 0
        for index in 0...bound { sum += counts[index] }
        return sum
    }

    package static func += (sum: inout Self, other: Self) {
        for index in sum.counts.indices { sum.counts[index] &+= other.counts[index] }
        sum.count &+= other.count
        sum.nanoseconds &+= other.nanoseconds
    }

    /// The bounds once more, because a switch over constants reads no memory; a test compares.
    private static func bucket(of nanoseconds: Int64) -> Int {
        switch nanoseconds {
        case ...100_000: 0
        case ...250_000: 1
        case ...500_000: 2
        case ...1_000_000: 3
        case ...2_500_000: 4
        case ...5_000_000: 5
        case ...10_000_000: 6
        case ...25_000_000: 7
        case ...50_000_000: 8
        case ...100_000_000: 9
        case ...250_000_000: 10
        case ...500_000_000: 11
        case ...1_000_000_000: 12
        case ...2_500_000_000: 13
        case ...5_000_000_000: 14
        default: 15
        }
    }
}
