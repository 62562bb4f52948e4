/// One of the two channels of a relay. What one channel reads, the other writes. While one cannot write, the
/// other does not read. They close together.
internal import NIOCore
internal import NIOTLS

final class RelayEnd: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var partner: RelayEnd?
    private var context: ChannelHandlerContext?
    /// Whether the channel has asked to read while the partner could not write.
    private var readIsPending = false
    private var isClosing = false
    /// Only at the end towards Redis; nil once the handshake has ended.
    private var handshake: EventLoopPromise<Void>?
    private let broken: BreakReason?

    private init(_ handshake: EventLoopPromise<Void>?, _ broken: BreakReason?) {
        self.handshake = handshake
        self.broken = broken
    }

    /// - Parameters:
    ///   - handshake: ends with the TLS handshake.
    ///   - broken: gets the reason if the end towards Redis breaks.
    static func pair(
        _ handshake: EventLoopPromise<Void>, _ broken: BreakReason
    ) -> (remote: RelayEnd, local: RelayEnd) {
        let (remote, local) = (RelayEnd(handshake, broken), RelayEnd(nil, nil))
        remote.partner = local
        local.partner = remote
        return (remote, local)
    }

    /// Whether there is a channel.
    var isAdded: Bool { context != nil }

    /// Closes the channel, and with it the partner's. If there is none yet, it is closed when it is added.
    func close() {
        isClosing = true
        context?.close(promise: nil)
    }

    /// Closes the channel, if there is one. Separates the two ends: without channels they would keep each
    /// other in memory.
    func abandon() {
        partner?.partner = nil
        partner = nil
        close()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if isClosing { context.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        partner = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        partner?.write(unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) { partner?.context?.flush() }

    func channelInactive(context: ChannelHandlerContext) {
        broken?.set("Redis closed the connection")
        endHandshake(.failure(ChannelError.eof))
        partner?.closeAfterWrites()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        broken?.set(ConnectionBreak(error, on: context.channel).text)
        endHandshake(.failure(error))
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted = event { endHandshake(.success(())) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { partner?.continueReading() }
    }

    func read(context: ChannelHandlerContext) {
        if partner?.context?.channel.isWritable == false {
            readIsPending = true
        } else {
            context.read()
        }
    }

    private func write(_ bytes: ByteBuffer) { context?.write(wrapOutboundOut(bytes), promise: nil) }

    private func continueReading() {
        guard readIsPending else { return }
        readIsPending = false
        context?.read()
    }

    /// How long a channel may take to send what is written, after the partner's is closed.
    private static let flushSeconds: Int64 = 1

    /// What is written already is still sent, unless that takes too long.
    private func closeAfterWrites() {
        guard let context else {
            isClosing = true
            return
        }
        let written = context.eventLoop.makePromise(of: Void.self)
        let deadline = context.eventLoop.assumeIsolated().scheduleTask(
            in: .seconds(Self.flushSeconds)
        ) { [self] in close() }
        written.futureResult.assumeIsolated().whenComplete { [self] _ in
            deadline.cancel()
            close()
        }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
    }

    private func endHandshake(_ result: Result<Void, any Error>) {
        handshake?.completeWith(result)
        handshake = nil
    }
}
