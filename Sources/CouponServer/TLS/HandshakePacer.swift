/// Delays the beginning of a TLS handshake, and the close after one that failed. It is between socket and
/// TLS.
///
/// A handshake costs a signature. One turn of an event loop begins a few; the others wait for the next turns,
/// so a flood of them delays connected callers by only some milliseconds.
///
/// A caller whose handshake failed shall be able to read why. But it may have sent a request after its
/// handshake, and closing a socket with unread bytes resets the connection: then the caller may lose the
/// alert that names the reason.
internal import CouponCore
internal import NIOCore
internal import NIOSSL

final class HandshakePacer: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Whether it only waits for the caller to close.
    private var isEnding = false
    private var deadline: Scheduled<Void>?

    private let loopServer: LoopServer
    private var context: ChannelHandlerContext?
    private var hasBegun = false
    /// The beginning of a handshake that waits for the next turn.
    private var held: ByteBuffer?
    /// What has come of the record that is incomplete.
    private(set) var records = RecordMeter()

    init(_ loopServer: LoopServer) { self.loopServer = loopServer }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// Closes the socket without a TLS alert.
    func closeAtOnce() { context?.close(promise: nil) }

    /// The handshake has failed: what the caller sends now is thrown away until it closes.
    func end() { isEnding = true }

    func close(
        context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?
    ) {
        guard isEnding, mode == .all, deadline == nil else {
            return context.close(mode: mode, promise: promise)
        }
        deadline = context.eventLoop.assumeIsolated().scheduleTask(
            in: .milliseconds(Limits.alertMilliseconds)
        ) { context.close(promise: nil) }
        context.close(mode: .output, promise: promise)
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard deadline == nil else { return }
        meter(unwrapInboundIn(data))
        if held != nil {
            var bytes = unwrapInboundIn(data)
            held?.writeBuffer(&bytes)
        } else if hasBegun || loopServer.turn.beginHandshake() {
            if !hasBegun { loopServer.endTurn() }
            hasBegun = true
            context.fireChannelRead(data)
        } else {
            held = unwrapInboundIn(data)
            loopServer.turn.postpone(self)
            loopServer.endTurn()
        }
    }

    /// What TLS holds counts like a frame that is incomplete.
    private func meter(_ bytes: ByteBuffer) {
        let before = records.heldBytes
        records.read(bytes)
        guard records.heldBytes > before else { return }
        loopServer.buffers.add(records.heldBytes - before)
        if loopServer.buffers.isReached { loopServer.endTurn() }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if deadline != nil { return context.read() }
        if held == nil { context.fireChannelReadComplete() }
    }

    /// Goes on with a handshake that has waited.
    func begin() {
        hasBegun = true
        guard let bytes = held else { return }
        held = nil
        context?.fireChannelRead(wrapInboundOut(bytes))
        context?.fireChannelReadComplete()
    }

    /// TLS makes another buffer, as large as its largest, for each write that the socket has not taken. So a
    /// caller that does not read would hold that much for each of its answers.
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let bytes = unwrapOutboundIn(data)
        guard bytes.storageCapacity > 4 * bytes.readableBytes, Self.hasUnsent(context.channel)
        else { return context.write(data, promise: promise) }
        context.write(
            wrapOutboundOut(ByteBuffer(bytes: bytes.readableBytesView)), promise: promise)
    }

    private static func hasUnsent(_ channel: any Channel) -> Bool {
        let unsent = try? channel.syncOptions?.getOption(.bufferedWritableBytes)
        return unsent ?? 0 > 0
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard deadline != nil, let event = event as? ChannelEvent, event == .inputClosed else {
            return context.fireUserInboundEventTriggered(event)
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }
}
