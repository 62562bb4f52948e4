// The client as a service of ServiceLifecycle.

internal import Logging
internal import NIOCore
public import ServiceLifecycle

extension CouponClient: Service {
    /// Runs until graceful shutdown, or until the task is cancelled. Then no further call begins, those in
    /// progress get ``ClientConfiguration/shutdownTimeout`` to end, and the connections are closed.
    ///
    /// Calls work without it. List the client before the services that use it: a group shuts the last one
    /// down first.
    public func run() async throws {
        try? await gracefulShutdown()
        await drain()
        let deadline = NIODeadline.now() + configuration.shutdownTimeout
        var left = await callsInProgress
        while left > 0, !Task.isCancelled, NIODeadline.now() < deadline {
            try? await Task.sleep(for: .milliseconds(10))
            left = await callsInProgress
        }
        if left > 0 {
            logger.warning(
                "calls are given up at shutdown", metadata: [ClientLogKey.requests: "\(left)"])
        }
        await close()
    }
}
