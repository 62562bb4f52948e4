/// A gate is built anew because an operator asks for it. That takes as long as the partition is large: it is
/// looked at again and again, and the lane serves others in between.
internal import CouponCore
internal import CouponWire
internal import Logging

extension BlockingLane {
    /// How a method's answer is told.
    typealias Answered = @Sendable (Response.Result) -> Void

    func rebuild(
        _ partition: PartitionID, deadline: MonotonicTime, to caller: CallerPresence,
        _ answered: @escaping Answered
    ) {
        do throws(Failure) {
            let epoch = try keeper.distrust(partition)
            logger.notice(
                "a gate is to be built anew, an admin asks for it",
                metadata: [LogKey.partition: "\(partition.rawValue)", LogKey.epoch: "\(epoch)"])
            waitUntilOpen(partition, after: epoch, deadline, caller, answered)
        } catch {
            answered(.failure(error))
        }
    }

    private func waitUntilOpen(
        _ partition: PartitionID, after epoch: Epoch, _ deadline: MonotonicTime,
        _ caller: CallerPresence, _ answered: @escaping Answered
    ) {
        if let epoch = keeper.openEpoch(of: partition, after: epoch) {
            return answered(.gateRebuilt(partition, epoch))
        }
        // A little before the deadline, at which the caller would hear less.
        guard clocks.now().advanced(byMilliseconds: 50) < deadline, caller.isThere else {
            return answered(
                .failure(
                    Failure(
                        .deadlineExceeded,
                        "the gate is fenced and not open again yet: its owner goes on with it")))
        }
        Task {
            try? await Task.sleep(for: .milliseconds(20))
            self.waitUntilOpen(partition, after: epoch, deadline, caller, answered)
        }
    }
}
