/// Why a connection to Redis broke, in words: NIO and its TLS have none for people.
internal import Glibc
internal import NIOCore
internal import NIOSSL
internal import TLSSupport

struct ConnectionBreak {
    /// For people.
    let text: String

    /// - Parameters:
    ///   - error: what the channel reported.
    ///   - channel: the channel; its handlers know the certificate of Redis.
    init(_ error: any Error, on channel: any Channel) {
        // BoringSSL keeps the certificate even if it is not accepted.
        let certificate = try? channel.pipeline.syncOperations.nioSSL_peerCertificate()
        text = Self.text(of: error, certificate, now: Self.now())
    }

    /// - Parameters:
    ///   - certificate: that of Redis; nil if it did not arrive.
    ///   - now: seconds since 1970.
    static func text(of error: any Error, _ certificate: NIOSSLCertificate?, now: Int) -> String {
        switch error {
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            return "the certificate of Redis is made for another name (see redis-tls-server-name)"
        case NIOSSLError.uncleanShutdown, BoringSSLError.zeroReturn:
            return "Redis closed the connection"
        case NIOSSLError.handshakeFailed(.sslError(let stack)) where stack == [.eofDuringHandshake]:
            return "Redis closed the connection during the TLS handshake"
        case NIOSSLError.handshakeFailed(let error): return text(of: error, certificate, now)
        case let error as BoringSSLError: return text(of: error, certificate, now)
        default: return "the connection to Redis broke: \(error)"
        }
    }

    private static func text(
        of error: BoringSSLError, _ certificate: NIOSSLCertificate?, _ now: Int
    ) -> String {
        let reason = BoringSSLText.name(in: "\(error)") ?? "\(error)"
        guard reason == "CERTIFICATE_VERIFY_FAILED" else {
            // Such as TLSV1_ALERT_UNKNOWN_CA: Redis does not accept the certificate of the daemon.
            return reason.contains("ALERT")
                ? "Redis refuses the TLS connection: \(reason)" : "TLS to Redis failed: \(reason)"
        }
        if let certificate, certificate.notValidAfter < now {
            return "the certificate of Redis has expired"
        }
        if let certificate, certificate.notValidBefore > now {
            return "the certificate of Redis is not valid yet"
        }
        return "no authority of redis-tls-ca has signed the certificate of Redis"
    }

    private static func now() -> Int { time(nil) }
}
