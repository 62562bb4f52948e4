/// A rebuild of a gate that an admin requested. It may take long: the lane checks it again and again, and
/// does other jobs in between.
internal import CouponCore
internal import CouponWire
internal import Logging

extension BlockingLane {
    /// Receives a method's answer.
    typealias Answered = @Sendable (Response.Result) -> Void

    func rebuild(
        _ partition: PartitionID, deadline: MonotonicTime, to caller: CallerPresence,
        _ answered: @escaping Answered
    ) {
        do throws(BackendError) {
            let epoch = try keeper.distrust(partition)
            logger.notice(
                "an admin requested the rebuild of a gate",
                metadata: [LogKey.partition: "\(partition.rawValue)", LogKey.epoch: "\(epoch)"])
            waitUntilOpen(partition, after: epoch, deadline, caller, answered)
        } catch {
            answered(.failure(keeper.failure(error)))
        }
    }

    private func waitUntilOpen(
        _ partition: PartitionID, after epoch: Epoch, _ deadline: MonotonicTime,
        _ caller: CallerPresence, _ answered: @escaping Answered
    ) {
        if let epoch = keeper.openEpoch(of: partition, after: epoch) {
            return answered(.gateRebuilt(partition, epoch))
        }
        // A little before the deadline, because the answer at the deadline says less.
        guard clocks.now().advanced(byMilliseconds: 50) < deadline, caller.isThere else {
            return answered(
                .failure(
                    Failure(
                        .deadlineExceeded,
                        "the gate is not open again yet: its owner continues the rebuild",
                        acceptance: .unknown)))
        }
        Task {
            try? await Task.sleep(for: .milliseconds(20))
            self.waitUntilOpen(partition, after: epoch, deadline, caller, answered)
        }
    }
}
