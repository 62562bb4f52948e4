/// Queues and rebuilds as metrics.
import CouponCore
import Testing

@testable import CouponServer

@Suite struct SchedulerStateTests {
    private let now = Timestamp(microseconds: 100_000_000)

    /// The samples of the metrics' text.
    private func samples(_ state: SchedulerState) -> [Substring] {
        state.text(now: now).split(separator: "\n").filter { !$0.hasPrefix("#") }
    }

    @Test func `each rebuild has the share that is done, and rebuilds are counted`() {
        var state = SchedulerState()
        state.rebuilds = [PartitionID(7): 0.95, PartitionID(3): 0.25]
        #expect(
            samples(state) == [
                "coupond_rebuilds_in_progress 2",
                "coupond_rebuild_done_ratio{partition=\"3\"} 0.25",
                "coupond_rebuild_done_ratio{partition=\"7\"} 0.95",
            ])
        state.rebuilds = [:]
        #expect(samples(state) == ["coupond_rebuilds_in_progress 0"])
    }

    @Test func `each queue has its length, and the age of its oldest entry`() {
        var state = SchedulerState()
        let oldest = Timestamp(microseconds: now.microseconds - 2_500_000)
        let ahead = Timestamp(microseconds: now.microseconds + 1)
        state.queues = [
            PartitionID(0): QueueState(entries: 12, oldest: oldest),
            PartitionID(1): QueueState(entries: 0, oldest: nil),
            PartitionID(2): QueueState(entries: 1, oldest: ahead),
        ]
        #expect(
            samples(state).filter { $0.hasPrefix("coupond_queue") } == [
                "coupond_queue_entries{partition=\"0\"} 12",
                "coupond_queue_entries{partition=\"1\"} 0",
                "coupond_queue_entries{partition=\"2\"} 1",
                "coupond_queue_age_seconds{partition=\"0\"} 2.5",
                "coupond_queue_age_seconds{partition=\"1\"} 0.0",
                "coupond_queue_age_seconds{partition=\"2\"} 0.0",
            ])
    }
}
