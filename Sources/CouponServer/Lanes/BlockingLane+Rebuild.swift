/// A rebuild of a gate that an admin requested. It may take long: the lane checks it again and again, and
/// does other jobs in between.
internal import CouponCore
internal import CouponWire
internal import Logging

extension BlockingLane {
    /// Receives a method's answer.
    typealias Answered = @Sendable (Response.Result) -> Void

    func rebuild(
        _ partition: PartitionID, by call: AdminCall, deadline: MonotonicTime,
        to caller: CallerPresence, _ answered: @escaping Answered
    ) {
        let document = TrailDocument.of(partition, epoch: nil)
        queue(AdminAction(call: call, after: document, outcome: AdminAction.begun))
        do throws(BackendError) {
            let epoch = try keeper.distrust(partition)
            logger.notice(
                "an admin requested the rebuild of a gate",
                metadata: [LogKey.partition: "\(partition.rawValue)", LogKey.epoch: "\(epoch)"])
            waitUntilOpen(partition, after: epoch, by: call, deadline, caller, answered)
        } catch {
            end(.failure(keeper.failure(error)), of: partition, call, answered)
        }
    }

    private func waitUntilOpen(
        _ partition: PartitionID, after epoch: Epoch, by call: AdminCall,
        _ deadline: MonotonicTime, _ caller: CallerPresence, _ answered: @escaping Answered
    ) {
        if let epoch = keeper.openEpoch(of: partition, after: epoch) {
            return end(.gateRebuilt(partition, epoch), of: partition, call, answered)
        }
        // A little before the deadline, because the answer at the deadline says less.
        guard clocks.now().advanced(byMilliseconds: 50) < deadline, caller.isThere else {
            let failure = Failure(
                .deadlineExceeded,
                "the gate is not open again yet: its owner continues the rebuild",
                acceptance: .unknown)
            return end(.failure(failure), of: partition, call, answered)
        }
        Task {
            try? await Task.sleep(for: .milliseconds(20))
            self.waitUntilOpen(partition, after: epoch, by: call, deadline, caller, answered)
        }
    }

    /// Answers, and adds the line that says how it ended.
    private func end(
        _ result: Response.Result, of partition: PartitionID, _ call: AdminCall,
        _ answered: Answered
    ) {
        let action =
            switch result {
            case .gateRebuilt(_, let epoch):
                AdminAction(call: call, after: TrailDocument.of(partition, epoch: epoch))
            case .failure(let failure):
                AdminAction(
                    call: call, after: TrailDocument.of(partition, epoch: nil),
                    outcome: failure.trailOutcome)
            default: AdminAction(call: call)
            }
        log(action)
        queue(action)
        answered(result)
    }
}
