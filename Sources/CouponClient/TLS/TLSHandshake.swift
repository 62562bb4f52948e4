internal import Glibc
internal import NIOCore
internal import NIOSSL
internal import NIOTLS
internal import TLSSupport

/// Waits for the end of a connection's handshake, and says in words why one failed. It stands between TLS and
/// ``ConnectionHandler``.
final class TLSHandshake: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let address: ServerAddress
    /// What the daemon's certificate must be for: a name, or the address itself.
    private let name: String
    private let isAddress: Bool
    private let timeout: TimeAmount
    private var deadline: Scheduled<Void>?
    private var done: EventLoopPromise<Void>?
    private var hasCompleted = false
    private var hasReceived = false

    /// - Parameter name: nil if the certificate must be for the IP address.
    init(address: ServerAddress, name: String?, timeout: TimeAmount) {
        self.address = address
        self.name = name ?? address.host
        isAddress = name == nil
        self.timeout = timeout
    }

    /// The end of the handshake; nil if the handler is in no channel.
    var end: EventLoopFuture<Void>? { done?.futureResult }

    func handlerAdded(context: ChannelHandlerContext) {
        done = context.eventLoop.makePromise()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        done?.fail(failure("the connection was closed"))
    }

    func channelActive(context: ChannelHandlerContext) {
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) {
            self.done?.fail(self.failure("the TLS handshake did not end in time"))
            context.close(promise: nil)
        }
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            deadline?.cancel()
            guard isAddress || isForName(context) else {
                done?.fail(failure("the daemon's certificate is not for \(name)"))
                return context.close(promise: nil)
            }
            hasCompleted = true
            done?.succeed()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        hasReceived = true
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !hasCompleted {
            done?.fail(failure(reason(error, context)))
            context.close(promise: nil)
        } else if !hasReceived, let refusal = Self.refusal(error) {
            // With TLS 1.3 the daemon judges a client's certificate after the client has begun to send.
            context.fireErrorCaught(failure(refusal))
        } else {
            context.fireErrorCaught(error)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        done?.fail(failure("the daemon closed the connection in the TLS handshake"))
        context.fireChannelInactive()
    }

    /// NIOSSL checks too little: if it is told a name, it also accepts a certificate for the daemon's IP
    /// address.
    private func isForName(_ context: ChannelHandlerContext) -> Bool {
        let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
        return certificate?._subjectAlternativeNames().contains { alternative in
            alternative.nameType == .dnsName
                && Self.matches(name, String(decoding: alternative.contents, as: UTF8.self))
        } ?? false
    }

    /// Whether a certificate for `pattern` is good for `name`. An asterisk stands for a whole first label.
    static func matches(_ name: String, _ pattern: String) -> Bool {
        let (name, pattern) = (labels(name), labels(pattern))
        guard let first = pattern.first, name.count == pattern.count else { return false }
        return (first == "*" && name.count > 2 || first == name[0])
            && name.dropFirst() == pattern.dropFirst()
    }

    private static func labels(_ name: String) -> [Substring] {
        let name = name.lowercased()
        return (name.hasSuffix(".") ? name.dropLast() : name[...])
            .split(separator: ".", omittingEmptySubsequences: false)
    }

    private func failure(_ reason: String) -> ClientError {
        .cannotConnect(address, reason: reason)
    }

    private func reason(_ error: any Error, _ context: ChannelHandlerContext) -> String {
        switch error {
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            return "the daemon's certificate is not for \(name)"
        case NIOSSLError.unableToValidateCertificate:
            return "the daemon's certificate is not for \(name)"
        case NIOSSLError.handshakeFailed(.sslError([.eofDuringHandshake])),
            NIOSSLError.handshakeFailed(.syscallError):
            return "the daemon closed the connection in the TLS handshake"
        default: break
        }
        if let refusal = Self.refusal(error) { return refusal }
        let code = Self.code(error)
        switch code {
        case "CERTIFICATE_VERIFY_FAILED": return certificateFault(context)
        case "WRONG_VERSION_NUMBER", "HTTP_REQUEST":
            return "the TLS handshake failed: the daemon does not speak TLS there"
        case nil: return "the TLS handshake failed: \(error)"
        case let code?: return "the TLS handshake failed: \(code)"
        }
    }

    /// BoringSSL does not say what is wrong with a certificate.
    private func certificateFault(_ context: ChannelHandlerContext) -> String {
        let now = time(nil)
        guard let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
        else { return "the daemon's certificate cannot be trusted" }
        if certificate.notValidAfter < now { return "the daemon's certificate has expired" }
        if certificate.notValidBefore > now { return "the daemon's certificate is not valid yet" }
        return "the daemon's certificate is of an unknown CA"
    }

    /// What the daemon said about the client's certificate; nil if it said nothing.
    private static func refusal(_ error: any Error) -> String? {
        switch code(error) {
        case "TLSV1_ALERT_CERTIFICATE_REQUIRED": "the daemon asks for a client certificate"
        case "TLSV1_ALERT_UNKNOWN_CA", "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
            "SSLV3_ALERT_BAD_CERTIFICATE", "TLSV1_ALERT_ACCESS_DENIED":
            "the daemon does not accept the client certificate"
        case "SSLV3_ALERT_CERTIFICATE_EXPIRED":
            "the daemon does not accept the client certificate: it has expired"
        case "SSLV3_ALERT_HANDSHAKE_FAILURE":
            "the daemon refused the TLS handshake; it may ask for a client certificate"
        default: nil
        }
    }

    /// The name of an error of BoringSSL; nil if it is none.
    private static func code(_ error: any Error) -> String? {
        let stack: NIOBoringSSLErrorStack? =
            switch error {
            case NIOSSLError.handshakeFailed(.sslError(let stack)): stack
            case BoringSSLError.sslError(let stack): stack
            default: nil
            }
        return stack?.first.flatMap { BoringSSLText.name(in: "\($0)") }
    }
}
