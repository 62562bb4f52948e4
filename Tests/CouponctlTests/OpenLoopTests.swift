import TestWorld
import CouponClient
import CouponCore
import CouponWire
import Histogram
import NIOCore
import Testing

@testable import couponctl

/// Questions on a schedule, with a daemon that answers at once, or slowly.
@Suite struct OpenLoopTests {
    /// Records when each question was due, and when it was answered.
    private struct Notes: LoadScript {
        let count: Int
        var times: [Int: (asked: UInt64, now: UInt64)] = [:]
        var failures = 0

        func question(_ number: Int) -> Request.Method { .health }

        mutating func record(
            _ number: Int, _ answer: Result<Response.Result, ClientError>, asked: UInt64,
            now: UInt64
        ) {
            times[number] = (asked, now)
            if case .failure = answer { failures += 1 }
        }
    }

    private func run(_ count: Int, pace: Pace, connections: Int) async throws -> [Notes] {
        let daemon = try await CannedDaemon.start { _ in .answer(.health(notReady: nil)) }
        let fleet = try await Fleet(
            address: daemon.address, connections: connections,
            configuration: ClientConfiguration())
        defer { fleet.close() }
        let notes = try await fleet.run(
            Notes(count: count), pace: pace, progress: Progress("asks", total: count))
        try await daemon.stop()
        return notes
    }

    @Test func `every question is asked once, when its number is due`() async throws {
        let rate = 10_000.0
        let pace = Pace(pipeline: 8, deadline: .seconds(10), rate: rate)
        let lanes = try await run(200, pace: pace, connections: 4)
        #expect(lanes.map(\.times.count).reduce(0, +) == 200)
        #expect(lanes.allSatisfy { $0.failures == 0 })
        for lane in lanes {
            let numbers = lane.times.keys.sorted()
            guard let first = numbers.first, let start = lane.times[first]?.asked else { continue }
            for number in numbers {
                let due = start + UInt64(Double(number - first) * 1e9 / rate)
                let asked = try #require(lane.times[number]).asked
                #expect(max(asked, due) - min(asked, due) <= 1_000)
            }
        }
    }

    @Test func `a question that finds no room has waited since it was due`() async throws {
        let pace = Pace(pipeline: 1, deadline: .seconds(10), rate: 1e9)
        let lanes = try await run(100, pace: pace, connections: 1)
        let times = try #require(lanes.first).times
        // All are due at once and answered one by one, so that each has waited for those before it.
        let byEnd = times.values.sorted { $0.now < $1.now }
        let waits = byEnd.map { $0.now - $0.asked }
        #expect(waits.count == 100)
        #expect(try #require(waits.last) > #require(waits.first))
        let span = try #require(byEnd.last).now - #require(byEnd.first).now
        #expect(try #require(waits.last) + 1_000 >= span)
    }

    @Test func `the chart has a line for each doubling, and a bar in each line with answers`() {
        var latencies = Sale.emptyLatencies
        #expect(LatencyChart(latencies: latencies).lines == [])
        for _ in 0..<1_000 { latencies.record(100) }
        latencies.record(1_000)
        let lines = LatencyChart(latencies: latencies).lines
        #expect(lines.count == 5)
        #expect(lines[1].contains("below 128") && lines[1].contains("1000"))
        #expect(lines[1].hasSuffix("##") && lines[4].hasSuffix(" #"))
        #expect(lines[2].contains("below 256") && lines[2].hasSuffix("0"))
    }
}
