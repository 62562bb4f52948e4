/// Failures to accept connections: when no descriptor is free, a listener waits before it tries again, and
/// the log gets one line.
///
/// NIO itself tries again at once while a connection waits to be accepted: a busy loop of system calls. Its
/// `AcceptBackoffHandler` does not end it, because the listener still waits for events.
internal import CouponCore
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization

final class AcceptWatch: Sendable {
    /// How often a listener could not accept.
    let failures = Atomic<Int>(0)

    private let isFailing = Atomic<Bool>(false)
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    /// Watches one listener.
    func watch(_ listener: any Channel) -> EventLoopFuture<Void> {
        listener.eventLoop.makeCompletedFuture {
            try listener.pipeline.syncOperations.addHandler(Handler(watch: self))
        }
    }

    fileprivate func hasFailed(_ error: any Error) {
        failures.add(1, ordering: .relaxed)
        guard !isFailing.exchange(true, ordering: .relaxed) else { return }
        logger.warning("connections cannot be accepted", metadata: [LogKey.reason: "\(error)"])
    }

    fileprivate func hasAccepted() {
        guard isFailing.load(ordering: .relaxed), isFailing.exchange(false, ordering: .relaxed)
        else { return }
        logger.notice("connections are accepted again")
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = any Channel
        typealias InboundOut = any Channel

        private let watch: AcceptWatch

        init(watch: AcceptWatch) { self.watch = watch }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            watch.hasAccepted()
            context.fireChannelRead(data)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            guard (error as? IOError)?.isOfOneCaller != true else { return }
            watch.hasFailed(error)
            pause(context.channel)
        }

        /// Stops waiting for events, and begins again later.
        private func pause(_ listener: any Channel) {
            _ = listener.setOption(.autoRead, value: false)
            listener.eventLoop.scheduleTask(in: .milliseconds(Limits.acceptBackOffMilliseconds)) {
                listener.setOption(.autoRead, value: true)
            }
        }
    }
}

extension IOError {
    /// Whether one caller left before it was accepted, which is no reason to make the others wait.
    fileprivate var isOfOneCaller: Bool { errnoCode == ECONNABORTED }
}

/// The system has closed a socket on which the daemon listened.
struct ListenerLost: Error, CustomStringConvertible {
    let description = "a listening socket was lost: no caller can connect to it"
}

/// There are too many connections.
struct TooManyConnections: Error {}
