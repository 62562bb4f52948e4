/// Joins hiredis, which has no TLS, to Redis: hiredis has one end of a pair of sockets, and an event loop
/// carries bytes between the other end and a TLS connection.
internal import CouponCore
internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import Synchronization

final class TLSRelay: Sendable {
    /// The end of hiredis, which closes it; that ends the relay.
    let descriptor: CInt
    private let broken: BreakReason

    /// One thread for all relays, made with the first one. Plain connections have no relay.
    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    /// Connects, and waits for the end of the TLS handshake.
    init(_ options: RedisOptions, to address: RedisAddress) throws(BackendError) {
        var pair: [CInt] = [-1, -1]
        let kind = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, kind, 0, &pair) == 0 else {
            throw .redis(.unavailable("no pair of sockets: errno \(errno)"))
        }
        descriptor = pair[0]
        let broken = BreakReason()
        self.broken = broken
        do {
            var options = options
            options.place = .address(address)
            try Self.join(pair[1], to: options, broken).wait()
        } catch {
            close(pair[0])
            throw .redis(.unavailable(broken.text ?? "Redis is not reachable: \(error)"))
        }
    }

    /// Why it broke; nil if it works, or if hiredis has closed it.
    var whyBroken: String? { broken.text }

    /// Starts the relay. From here on it closes `socket`.
    private static func join(
        _ socket: CInt, to options: RedisOptions, _ broken: BreakReason
    ) -> EventLoopFuture<Void> {
        let loop = group.next()
        return loop.flatSubmit {
            let handshake = loop.makePromise(of: Void.self)
            let ends = NIOLoopBound(RelayEnd.pair(handshake, broken), eventLoop: loop)
            connect(ends.value.remote, to: options, loop, handshake, broken)
            return handshake.futureResult.flatMapErrorThrowing { error in
                close(socket)
                throw error
            }
            .flatMap {
                ClientBootstrap(group: loop).channelInitializer { channel in
                    loop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(ends.value.local)
                    }
                }
                .withConnectedSocket(socket).map { _ in }
            }
            .flatMapErrorThrowing { error in
                ends.value.remote.abandon()
                throw error
            }
        }
    }

    /// Connects to Redis. `handshake` succeeds or fails before the connect timeout is over.
    private static func connect(
        _ remote: RelayEnd, to options: RedisOptions, _ loop: any EventLoop,
        _ handshake: EventLoopPromise<Void>, _ broken: BreakReason
    ) {
        let milliseconds = options.connectTimeoutMilliseconds
        let deadline = loop.assumeIsolated().scheduleTask(in: .milliseconds(milliseconds)) {
            broken.set(
                remote.isAdded
                    ? "Redis does not complete the TLS handshake"
                    : "Redis is not reachable within \(milliseconds) ms")
            handshake.fail(ChannelError.connectTimeout(.milliseconds(milliseconds)))
        }
        handshake.futureResult.assumeIsolated().whenComplete { _ in deadline.cancel() }
        RedisDialer(eventLoop: loop, options: options).connect().assumeIsolated().whenComplete {
            result in
            do {
                try result.get().pipeline.syncOperations.addHandler(remote)
            } catch {
                handshake.fail(error)
            }
        }
    }
}

/// The first reason, from the event loop to the thread of hiredis.
final class BreakReason: Sendable {
    private let first = Mutex<String?>(nil)

    var text: String? { first.withLock { $0 } }

    func set(_ text: String) { first.withLock { $0 = $0 ?? text } }
}
