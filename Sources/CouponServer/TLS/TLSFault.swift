/// Why a handshake failed, as the metric and the log name it.
internal import NIOCore
internal import NIOSSL
internal import TLSSupport

struct TLSFault: Equatable {
    /// The label of the metric.
    enum Cause: Int, CaseIterable {
        /// The caller has no certificate, or one that is not accepted.
        case certificate
        /// The caller went away before the end.
        case closed
        /// What the caller sent is not TLS, or TLS that does not fit.
        case `protocol`
        case timeout
    }

    let cause: Cause
    let reason: String

    static let timedOut = TLSFault(cause: .timeout, reason: "it took too long")

    init(cause: Cause, reason: String) {
        self.cause = cause
        self.reason = reason
    }

    /// - Parameters:
    ///   - error: what the handshake ended with.
    ///   - isExpired: whether the caller sent a certificate that is not valid at this time.
    init(_ error: any Error, isExpired: Bool) {
        switch error {
        case NIOSSLError.handshakeFailed(.sslError([.eofDuringHandshake])),
            NIOSSLError.handshakeFailed(.syscallError), is IOError:
            self.init(cause: .closed, reason: "the caller closed the connection")
        case NIOSSLError.handshakeFailed(.sslError(let stack)):
            let name = stack.first.flatMap { BoringSSLText.name(in: "\($0)") }
            self.init(code: name ?? "unknown", isExpired: isExpired)
        default:
            self.init(cause: .protocol, reason: "\(error)")
        }
    }

    private init(code: String, isExpired: Bool) {
        switch code {
        case "PEER_DID_NOT_RETURN_A_CERTIFICATE":
            self.init(cause: .certificate, reason: "the caller sent no certificate")
        case "CERTIFICATE_VERIFY_FAILED" where isExpired:
            self.init(cause: .certificate, reason: "the caller's certificate has expired")
        case "CERTIFICATE_VERIFY_FAILED":
            self.init(
                cause: .certificate, reason: "the caller's certificate is not of tls-client-ca")
        case _ where code.contains("ALERT"):
            self.init(cause: .certificate, reason: "the caller refused: \(code)")
        default:
            self.init(cause: .protocol, reason: code)
        }
    }
}
