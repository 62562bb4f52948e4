/// A caller's handshake: its deadline, its end, and what the caller's certificate says. It stands between TLS
/// and ``ServerConnection``.
internal import CouponAccess
internal import CouponCore
internal import Glibc
internal import NIOCore
internal import NIOSSL
internal import NIOTLS

final class HandshakeHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: ServerConnection
    private let pacer: HandshakePacer
    private let watch: HandshakeWatch
    private var deadline: Scheduled<Void>?
    private var isOver = false

    init(_ connection: ServerConnection, _ pacer: HandshakePacer, _ watch: HandshakeWatch) {
        self.connection = connection
        self.pacer = pacer
        self.watch = watch
    }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        guard !connection.limits.isAboveAddressLimit,
            connection.loopServer.beginHandshake(connection)
        else {
            // No alert says why: it would cost a handshake for each of these connections.
            isOver = true
            return pacer.closeAtOnce()
        }
        deadline = context.eventLoop.assumeIsolated().scheduleTask(
            in: .milliseconds(Limits.handshakeMilliseconds)
        ) {
            self.fail(.timedOut, context)
            context.close(promise: nil)
        }
        // A connection that is refused reads nothing itself, but its refusal needs the handshake.
        context.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            isOver = true
            connection.loopServer.endHandshake(connection)
            deadline?.cancel()
            var peer = connection.peer
            let certificate = Self.certificate(context)
            peer.alternativeNames = certificate?.alternativeNames ?? []
            // The end counts for a resumed session too, whose certificate was checked when the session began.
            let end = certificate.map {
                Timestamp(microseconds: Int64($0.notValidAfter) * 1_000_000)
            }
            connection.identify(peer, certificateEnd: end)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard isOver else {
            let isExpired = Self.certificate(context).map { !$0.isValidNow } ?? false
            let fault = TLSFault(error, isExpired: isExpired)
            if fault.cause != .closed { pacer.end() }
            return fail(fault, context)
        }
        // The caller closed without saying so by TLS. Frames have a length, so nothing can be cut off
        // unnoticed, and the end of the input follows.
        if case NIOSSLError.uncleanShutdown = error { return }
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        connection.loopServer.endHandshake(connection)
        context.fireChannelInactive()
    }

    func close(
        context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?
    ) {
        context.close(mode: mode, promise: promise)
        // TLS waits for the caller's own close.
        if mode == .all { context.read() }
    }

    /// What TLS reports after this belongs to the end of the connection.
    private func fail(_ fault: TLSFault, _ context: ChannelHandlerContext) {
        guard !isOver else { return }
        isOver = true
        deadline?.cancel()
        connection.loopServer.endHandshake(connection)
        watch.failed(fault, address: connection.peer.address)
    }

    private static func certificate(_ context: ChannelHandlerContext) -> NIOSSLCertificate? {
        try? context.pipeline.syncOperations.nioSSL_peerCertificate()
    }
}

extension NIOSSLCertificate {
    /// As `DNS:…` and `URI:…`; names with characters other than visible ASCII are left out.
    fileprivate var alternativeNames: [String] {
        var names: [String] = []
        for name in _subjectAlternativeNames().prefix(Limits.alternativeNames) {
            let prefix: String
            switch name.nameType {
            case .dnsName: prefix = "DNS:"
            case .uri: prefix = "URI:"
            default: continue
            }
            guard name.contents.allSatisfy({ (0x21...0x7E).contains($0) }) else { continue }
            names.append(prefix + String(decoding: name.contents, as: UTF8.self))
        }
        return names
    }

    fileprivate var isValidNow: Bool {
        let now = time(nil)
        return notValidBefore <= now && now <= notValidAfter
    }
}
