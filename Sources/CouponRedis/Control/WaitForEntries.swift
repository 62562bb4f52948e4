/// Waiting until a queue has something to issue.
public import CouponCore
internal import Glibc

extension RedisGateControl {
    /// How long one poll(2) lasts at most, in milliseconds: then queues whose read has failed get a new one.
    private static let longestPoll: Double = 250

    /// Waits until one of the queues has an entry after the given position, or the time is over; 0 does not
    /// wait. The queues of a node that is away are left out: their partitions fail anyway.
    /// - Returns: the partitions whose queues have one.
    public func wait(
        for queues: [(partition: PartitionID, after: Position)], milliseconds: Int
    ) throws(BackendError) -> [PartitionID] {
        let groups = byNode(queues, { $0.partition }).filter { !$0.node.isAway }
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        while true {
            var descriptors: [pollfd] = []
            for (node, queues) in groups {
                node.parked.park(queues)
                descriptors += node.parked.descriptors(of: queues)
            }
            let left = max(0, ContinuousClock.now.duration(to: end) / .milliseconds(1))
            let pause = min(left, Self.longestPoll)
            _ = unsafe poll(
                &descriptors, nfds_t(descriptors.count), Int32(clamping: Int64(pause.rounded(.up))))
            let grown = groups.flatMap { $0.node.parked.grown($0.items) }
            if !grown.isEmpty || ContinuousClock.now >= end { return grown }
        }
    }
}
