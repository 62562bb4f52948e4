/// One of the two channels of a relay. What one reads, the other writes; a slow one stops the other's reads;
/// they close together.
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
    /// Of the end towards Redis: kept until its handshake has ended.
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

    /// Closes the channel, and with it the partner's.
    func close() {
        isClosing = true
        context?.close(promise: nil)
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

    /// What is written already is still sent.
    private func closeAfterWrites() {
        guard let context else {
            isClosing = true
            return
        }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { [self] _ in close() }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
    }

    private func endHandshake(_ result: Result<Void, any Error>) {
        handshake?.completeWith(result)
        handshake = nil
    }
}
