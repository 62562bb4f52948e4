/// One connection through a proxy: a caller, a target, and what happens to the bytes between them.
internal import NIOCore
internal import NIOPosix

/// Both channels live on one event loop, and so does all of this.
final class ProxyLink: Sendable {
    private let proxy: Proxy
    private let loop: any EventLoop
    private let ends: NIOLoopBound<Ends>
    /// How often connections had been orphaned before this one was made.
    private let generation: Int

    /// The two directions.
    private final class Ends {
        let questions = Stream()
        let answers = Stream()
        /// Something was swallowed: whoever is left must not go on as if nothing had happened.
        var hasSwallowed = false
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
        generation = proxy.orphanings
        loop = caller.eventLoop
        let ends = Ends()
        ends.answers.channel = caller
        self.ends = NIOLoopBound(ends, eventLoop: loop)
    }

    /// Connects to the target; must be called on the caller's loop.
    func connect(to target: SocketAddress) throws {
        guard let caller = ends.value.answers.channel else { return }
        try caller.pipeline.syncOperations.addHandler(Ear { self.heard($0, isQuestion: true) })
        ClientBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Ear { self.heard($0, isQuestion: false) })
                }
            }
            .connect(to: target).assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success(let channel):
                    self.ends.value.questions.channel = channel
                    if self.ends.value.isClosed { channel.close(promise: nil) }
                    self.pass(self.ends.value.questions)
                case .failure: caller.close(promise: nil)
                }
            }
    }

    /// What has been held passes now; who was not told what went missing loses the connection.
    func feel(_ weather: Weather) {
        loop.execute {
            let ends = self.ends.value
            if self.isOrphan { return }
            if ends.hasSwallowed && ![.silent, .deaf].contains(weather.kind) {
                return self.close()
            }
            self.pass(ends.questions)
            self.pass(ends.answers)
        }
    }

    /// Ends the connection on both sides.
    func cut() { loop.execute { self.close() } }

    /// Asked of the proxy, because a word may come before this loop has heard of the weather.
    private var isOrphan: Bool { proxy.orphanings > generation }

    private func close() {
        ends.value.isClosed = true
        ends.value.questions.channel?.close(promise: nil)
        ends.value.answers.channel?.close(promise: nil)
    }

    /// Bytes from one side; nil where it has closed.
    private func heard(_ bytes: ByteBuffer?, isQuestion: Bool) {
        let ends = ends.value
        let weather = proxy.weather
        let isLost =
            isOrphan || weather.kind == .silent || (weather.kind == .deaf && !isQuestion)
        guard let bytes else {
            // Of a close nobody hears in silence; it comes when the weather clears.
            if isLost { swallow() } else { close() }
            return
        }
        if isLost { return swallow() }
        let stream = isQuestion ? ends.questions : ends.answers
        stream.held.append(bytes)
        pass(stream)
    }

    private func swallow() {
        ends.value.hasSwallowed = true
        proxy.noteSwallowed()
    }

    private func pass(_ stream: Stream) {
        let weather = proxy.weather
        guard let channel = stream.channel, weather.kind != .held else { return }
        let held = stream.held
        stream.held = []
        for bytes in held {
            for piece in weather.kind == .split ? bytes.pieces : [bytes] {
                let earliest = NIODeadline.now() + .milliseconds(Int64(weather.delay))
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

/// Passes on what a channel reads, and its end as nil.
private final class Ear: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let hear: (ByteBuffer?) -> Void

    init(_ hear: @escaping (ByteBuffer?) -> Void) { self.hear = hear }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { hear(unwrapInboundIn(data)) }

    func channelInactive(context: ChannelHandlerContext) { hear(nil) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

extension ByteBuffer {
    /// The same bytes, a few at a time; not too many pieces of a long one.
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
