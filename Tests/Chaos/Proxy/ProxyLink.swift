/// One connection through a proxy, from a caller to a target.
internal import NIOCore
internal import NIOPosix

/// Both channels and all of this state are on one event loop.
final class ProxyLink: Sendable {
    private let proxy: Proxy
    private let loop: any EventLoop
    private let ends: NIOLoopBound<Ends>
    /// The proxy's count of `halfOpenings` when this connection was made.
    private let generation: Int

    /// The two directions.
    private final class Ends {
        let requests = Stream()
        let responses = Stream()
        /// Bytes were dropped, so the connection must end before bytes pass again.
        var hasDropped = false
        var isClosed = false
    }

    /// One direction.
    private final class Stream {
        var channel: (any Channel)?
        var held: [ByteBuffer] = []
        var line = WaitingLine()
    }

    init(proxy: Proxy, caller: any Channel) {
        self.proxy = proxy
        generation = proxy.halfOpenings
        loop = caller.eventLoop
        let ends = Ends()
        ends.responses.channel = caller
        self.ends = NIOLoopBound(ends, eventLoop: loop)
    }

    /// Connects to the target; must be called on the caller's loop.
    func connect(to target: SocketAddress) throws {
        guard let caller = ends.value.responses.channel else { return }
        try caller.pipeline.syncOperations.addHandler(
            ByteForwarder { self.received($0, isRequest: true) })
        ClientBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        ByteForwarder { self.received($0, isRequest: false) })
                }
            }
            .connect(to: target).assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success(let channel):
                    self.ends.value.requests.channel = channel
                    if self.ends.value.isClosed { channel.close(promise: nil) }
                    self.pass(self.ends.value.requests)
                case .failure: caller.close(promise: nil)
                }
            }
    }

    /// Passes the held bytes on; closes the connection if bytes were dropped.
    func apply(_ condition: NetworkCondition) {
        loop.execute {
            let ends = self.ends.value
            if self.isHalfOpen { return }
            if ends.hasDropped && ![.silent, .oneWay].contains(condition.kind) {
                return self.close()
            }
            self.pass(ends.requests)
            self.pass(ends.responses)
        }
    }

    /// Ends the connection on both sides.
    func cut() { loop.execute { self.close() } }

    /// Asks the proxy, because bytes may arrive before this loop has got the new condition.
    private var isHalfOpen: Bool { proxy.halfOpenings > generation }

    private func close() {
        ends.value.isClosed = true
        ends.value.requests.channel?.close(promise: nil)
        ends.value.responses.channel?.close(promise: nil)
    }

    /// Bytes from one side; nil if it has closed.
    private func received(_ bytes: ByteBuffer?, isRequest: Bool) {
        let ends = ends.value
        let condition = proxy.condition
        let isLost =
            isHalfOpen || condition.kind == .silent || (condition.kind == .oneWay && !isRequest)
        guard let bytes else {
            // A close that is lost becomes visible when the network is healthy again.
            if isLost { drop() } else { close() }
            return
        }
        if isLost { return drop() }
        let stream = isRequest ? ends.requests : ends.responses
        stream.held.append(bytes)
        pass(stream)
    }

    private func drop() {
        ends.value.hasDropped = true
        proxy.recordDropped()
    }

    private func pass(_ stream: Stream) {
        let condition = proxy.condition
        guard let channel = stream.channel, condition.kind != .held else { return }
        let held = stream.held
        stream.held = []
        for bytes in held {
            for piece in condition.kind == .split ? bytes.pieces : [bytes] {
                let earliest = NIODeadline.now() + .milliseconds(Int64(condition.delay))
                guard let turn = stream.line.turn(notBefore: earliest, now: .now()) else {
                    channel.writeAndFlush(piece, promise: nil)
                    continue
                }
                loop.assumeIsolated().scheduleTask(deadline: turn) {
                    stream.line.leave()
                    channel.writeAndFlush(piece, promise: nil)
                }
            }
        }
    }
}

/// Calls a closure with what a channel reads, and with nil at its end.
private final class ByteForwarder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let receive: (ByteBuffer?) -> Void

    init(_ receive: @escaping (ByteBuffer?) -> Void) { self.receive = receive }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        receive(unwrapInboundIn(data))
    }

    func channelInactive(context: ChannelHandlerContext) { receive(nil) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

extension ByteBuffer {
    /// The same bytes in pieces of a few bytes; at most about 64 pieces.
    fileprivate var pieces: [ByteBuffer] {
        var (rest, pieces) = (self, [ByteBuffer]())
        let size = max(3, readableBytes / 64)
        while let piece = rest.readSlice(length: Swift.min(size, rest.readableBytes)),
            piece.readableBytes > 0
        {
            pieces.append(piece)
        }
        return pieces
    }
}
