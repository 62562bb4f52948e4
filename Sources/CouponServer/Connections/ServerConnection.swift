/// One client's connection: bytes to requests, answers to bytes. It reads only while it may: not while
/// too many of its requests are unanswered, and not while the client leaves its answers lying.
internal import CouponCore
internal import CouponWire
internal import NIOCore

final class ServerConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let loopServer: LoopServer
    private let splitter: FrameSplitter
    private(set) var number: UInt64 = 0
    private(set) var isLoopback = false
    /// Told to slow methods, which may wait for long.
    let presence = CallerPresence()
    var share = SlowShare()
    private var context: ChannelHandlerContext?
    private var received = ByteBuffer()
    private var outgoing = ByteBuffer()
    private var unanswered = 0
    /// Nothing more is read; closed when the last answer is written.
    private var isEnding = false
    /// The client sends no more; what it has sent is answered.
    private var isInputClosed = false
    private var isReadPending = false
    /// Whether the client takes its answers.
    private var isWritable = true

    init(loopServer: LoopServer, maximumFrameBytes: Int) {
        self.loopServer = loopServer
        splitter = FrameSplitter(maximumLength: maximumFrameBytes)
    }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        isLoopback = context.remoteAddress?.isLoopback ?? false
        number = loopServer.add(self)
        if let refusal = loopServer.refusalOfConnection() {
            end(with: refusal)
            return
        }
        readMore()
    }

    func channelInactive(context: ChannelHandlerContext) {
        presence.leave()
        loopServer.remove(self)
        self.context = nil
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if received.readableBytes == 0 {
            received = bytes
        } else {
            received.writeBuffer(&bytes)
        }
        readFrames()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReadPending = false
        readMore()
        loopServer.endTurn()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        resume()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            isInputClosed = true
            closeIfDone()
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    // MARK: Requests

    private var mayRead: Bool {
        !isEnding && isWritable && unanswered < Limits.requestsInFlightPerConnection
            && context != nil
    }

    private func readMore() {
        guard mayRead, !isInputClosed, !isReadPending else { return }
        isReadPending = true
        context?.read()
    }

    private func resume() {
        if received.readableBytes > 0 { readFrames() }
        readMore()
    }

    /// Bounces are answered on the spot and touch nothing of this object: they are what a rush is made of.
    private func readFrames() {
        // Held here alone while its spans are lent out; nobody else touches it meanwhile, since answers
        // are written at the turn's end.
        var bytes = received
        received = ByteBuffer()
        var bounces = ByteBuffer()
        var refusal: Failure?
        var isReading = mayRead
        while isReading {
            switch splitter.next(in: bytes.readableBytesSpan) {
            case .needMore:
                isReading = false
            case .frame(let length):
                let hasBounced = handle(
                    bytes.readableBytesSpan
                        .extracting(droppingFirst: FrameSplitter.prefixLength)
                        .extracting(first: length), &bounces)
                bytes.moveReaderIndex(forwardBy: FrameSplitter.prefixLength + length)
                isReading = hasBounced || mayRead
            case .refused(let failure):
                bytes.clear()
                refusal = failure
                isReading = false
            }
        }
        keep(bytes)
        if bounces.readableBytes > 0 {
            if outgoing.readableBytes == 0 { loopServer.willWrite(self) }
            outgoing.writeBuffer(&bounces)
        }
        if let refusal { end(with: refusal) }
    }

    /// - Returns: whether the front door has answered it.
    private func handle(_ message: RawSpan, _ bounces: inout ByteBuffer) -> Bool {
        guard let plain = loopServer.decodeIssue(message) else {
            unanswered += 1
            loopServer.handle(message, from: self)
            return false
        }
        if let outcome = loopServer.bounce(plain.issue) {
            loopServer.encode(outcome, id: plain.id, into: &bounces)
            return true
        }
        unanswered += 1
        loopServer.enqueue(plain, from: self)
        return false
    }

    /// The beginning of a frame waits for the rest. What was read to its end goes back to the channel, which
    /// uses the memory again; a client whose reads never end with a frame must not make it grow.
    private func keep(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        received = bytes
        received.discardReadBytes()
    }

    // MARK: Answers

    /// Adds an answer to what the turn's end will write.
    func answer(_ response: Response) {
        unanswered -= 1
        write(response)
    }

    /// The same for an outcome.
    func answer(_ id: UInt64, _ outcome: Outcome) {
        unanswered -= 1
        if outgoing.readableBytes == 0 { loopServer.willWrite(self) }
        loopServer.encode(outcome, id: id, into: &outgoing)
    }

    private func write(_ response: Response) {
        if outgoing.readableBytes == 0 { loopServer.willWrite(self) }
        loopServer.encode(response, into: &outgoing)
    }

    /// Writes what the turn has gathered, in one go.
    func flush() {
        guard outgoing.readableBytes > 0 else { return }
        // Taken out first: writing may make the channel writable again, and so gather more answers.
        let bytes = outgoing
        outgoing = ByteBuffer()
        context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        resume()
        closeIfDone()
    }

    /// The stream cannot be read any further: an error with id 0, then the end.
    private func end(with failure: Failure) {
        isEnding = true
        write(Response(id: 0, result: .failure(failure)))
        loopServer.endTurn()
    }

    private func closeIfDone() {
        guard isEnding || (isInputClosed && !hasMore), unanswered == 0,
            outgoing.readableBytes == 0
        else { return }
        // Behind the answers already written, in order.
        context?.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { _ in
            self.context?.close(promise: nil)
        }
    }

    /// Whether something that was received is still to be answered.
    private var hasMore: Bool {
        let bytes = received
        let finding = splitter.next(in: bytes.readableBytesSpan)
        return if case .needMore = finding { false } else { true }
    }

    /// The daemon goes: what is written is sent, then the connection is closed.
    func close() {
        isEnding = true
        unanswered = 0
        if outgoing.readableBytes > 0 { flush() } else { closeIfDone() }
    }
}

extension SocketAddress {
    fileprivate var isLoopback: Bool {
        switch self {
        case .unixDomainSocket: true
        default: ipAddress.map { $0.hasPrefix("127.") || $0 == "::1" } ?? false
        }
    }
}
