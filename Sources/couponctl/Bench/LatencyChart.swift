internal import Histogram

/// A histogram for people: one line for each doubling, with a bar.
struct LatencyChart {
    /// In microseconds.
    let latencies: Histogram<UInt64>

    private static let width = 50

    /// The lines from the fastest answer to the slowest; none if there was no answer.
    var lines: [String] {
        let rows = buckets
        let most = rows.map(\.count).max() ?? 0
        guard most > 0 else { return [] }
        return Table(
            header: ["LATENCY, µs", "ANSWERS", ""],
            rows: rows.map { row in
                // A row with answers has a bar, however few they are.
                let length = row.count == 0 ? 0 : max(1, Self.width * row.count / most)
                return [
                    "below \(row.bound)", "\(row.count)", String(repeating: "#", count: length),
                ]
            }
        ).lines
    }

    private var buckets: [(bound: UInt64, count: Int)] {
        var rows: [(bound: UInt64, count: Int)] = []
        var (from, bound) = (UInt64(0), UInt64(16))
        while from <= latencies.max {
            let count = Int(latencies.count(within: from...bound - 1))
            if count > 0 || !rows.isEmpty { rows.append((bound, count)) }
            (from, bound) = (bound, bound * 2)
        }
        return rows
    }
}
