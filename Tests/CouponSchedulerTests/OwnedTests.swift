/// What keeps a partition waiting, and for how long.
import CouponCore
import Testing

@testable import CouponScheduler

private func moment(_ milliseconds: Int64) -> MonotonicTime {
    MonotonicTime(nanoseconds: milliseconds * 1_000_000)
}

@Suite struct OwnedTests {
    /// A partition of a scheduler, and its random source.
    private final class Partition {
        var owned = Owned(PartitionID(0), now: moment(0), requestsPerTransaction: 10)
        private var random = SplitMix64(seed: 7)

        /// Whether a failure differs from the last one.
        func fail(_ text: String, rest: Int64 = 0) -> Bool {
            owned.fail(text, rest: rest, now: moment(1_000), using: &random)
        }

        /// How long it waits after a failure.
        func pause(rest: Int64 = 0) throws -> Int64 {
            _ = fail("no", rest: rest)
            let until = try #require(owned.waitsUntil)
            #expect(!owned.isDue(moment(1_000)) && owned.isDue(until))
            return until.milliseconds(since: moment(1_000))
        }

        func watch(epoch: Epoch = 3, beat: Int64, at milliseconds: Int64) -> Bool {
            let gate = GateView(
                status: .fenced, epoch: epoch, tail: 0, settled: .zero, beat: beat,
                installID: "i", queueEnd: .zero, items: [])
            return owned.watch(gate, now: moment(milliseconds))
        }
    }

    private let partition = Partition()

    @Test func `back-offs grow from 50 ms to 5 s, half of each is jitter`() throws {
        for longest in [50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000] as [Int64] {
            #expect((longest / 2...longest).contains(try partition.pause()))
        }
        partition.owned.succeed()
        #expect(partition.owned.isDue(moment(0)))
        #expect((25...50).contains(try partition.pause()), "after a success they begin again")
    }

    @Test func `a failed partition waits at least as long as the others need`() throws {
        #expect(try partition.pause(rest: 20_000) == 20_000)
        #expect(try partition.pause(rest: 1) > 1)
    }

    @Test func `a node hangs only if a step took long and failed there`() {
        let node = RedisNode.ID("a")
        partition.owned.record(backlog: false, since: moment(0), now: moment(500))
        partition.owned.failInRedis(at: node, after: 3)
        #expect(partition.owned.hangingNode == nil, "an earlier step took long, and did not fail")
        partition.owned.failInRedis(at: node, after: 1_000)
        partition.owned.failInRedis(at: node, after: 3)
        #expect(partition.owned.hangingNode == node)
        partition.owned.failInRedis(at: RedisNode.ID("b"), after: 3)
        #expect(partition.owned.hangingNode == nil)
    }

    @Test func `a partition that was lent because its node hung comes back under load`() {
        partition.owned.isLentForItsNode = true
        _ = partition.fail("no answer")
        #expect(!partition.owned.isQuiet(for: 5_000, moment(9_000)))
        partition.owned.succeed()
        partition.owned.record(backlog: true, since: moment(5_990), now: moment(5_995))
        #expect(!partition.owned.isQuiet(for: 5_000, moment(5_999)))
        #expect(partition.owned.isQuiet(for: 5_000, moment(6_000)))
        partition.owned.isLentForItsNode = false
        #expect(!partition.owned.isQuiet(for: 5_000, moment(6_000)))
    }

    @Test func `the same failure is reported once`() {
        #expect(partition.fail("disk full"))
        #expect(!partition.fail("disk full"))
        #expect(partition.fail("too slow"))
        partition.owned.succeed()
        #expect(partition.fail("too slow"))
    }

    @Test func `a rebuild is waited for while its beat rises, and 3 s after that`() {
        #expect(partition.watch(beat: 1, at: 0))
        #expect(partition.watch(beat: 1, at: 2_999))
        #expect(partition.watch(beat: 2, at: 10_000))
        #expect(partition.watch(beat: 2, at: 12_999))
        #expect(!partition.watch(beat: 2, at: 13_000))
        // Another owner has begun a rebuild in between.
        #expect(partition.watch(epoch: 4, beat: 2, at: 13_000))
        #expect(!partition.watch(epoch: 4, beat: 2, at: 16_000))
    }

    @Test func `a gate without a beat has no rebuild`() {
        #expect(!partition.watch(beat: 0, at: 0))
    }
}
