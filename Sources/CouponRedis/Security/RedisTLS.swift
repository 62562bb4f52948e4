/// TLS to Redis, 1.2 or later: which authority the daemon trusts, its own certificate, the expected name.
internal import NIOCore
internal import NIOSSL
internal import TLSSupport

/// Checked certificates and keys, ready for connections.
public struct RedisTLS: Sendable {
    /// Which of the files cannot be used.
    public enum File: Sendable {
        case authority, certificate, key
    }

    /// Why the files cannot be used.
    public struct Mistake: Error, Equatable, Sendable {
        /// The file concerned.
        public let file: File
        /// For people, without any part of the file.
        public let text: String
    }

    /// The name that must be in the certificate of Redis; nil: the host to which a connection goes.
    private let serverName: String?
    private let context: NIOSSLContext

    /// - Parameters:
    ///   - authority: PEM certificates, one of which must have signed that of Redis; nil: the system's.
    ///   - certificate: the daemon's own, with the rest of its chain, in PEM; nil if Redis asks for none.
    ///   - key: its key in PEM, without a passphrase.
    ///   - serverName: the name in the certificate of Redis; nil for the host to which a connection goes. An
    ///     IP address stands for the address to which the connection goes.
    public init(
        authority: [UInt8]?, certificate: [UInt8]?, key: [UInt8]?, serverName: String?
    ) throws(Mistake) {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if let authority {
            configuration.trustRoots = .certificates(try Self.certificates(authority, .authority))
        }
        if let certificate, let key {
            configuration.certificateChain = try Self.certificates(certificate, .certificate)
                .map { .certificate($0) }
            guard let key = PEM.key(key) else {
                throw Mistake(file: .key, text: "has no private key in PEM without a passphrase")
            }
            configuration.privateKey = .privateKey(key)
        }
        guard let context = try? NIOSSLContext(configuration: configuration) else {
            throw Mistake(file: .key, text: "has the key of another certificate")
        }
        self.context = context
        self.serverName = serverName
    }

    /// Whether it is an IP address, not a name.
    public static func isAddress(_ host: String) -> Bool {
        (try? SocketAddress(ipAddress: host, port: 0)) != nil
    }

    private static func certificates(
        _ bytes: [UInt8], _ file: File
    ) throws(Mistake) -> [NIOSSLCertificate] {
        guard let found = PEM.certificates(bytes) else {
            throw Mistake(file: file, text: "has no certificate in PEM")
        }
        return found
    }

    /// The first handler of a channel to Redis.
    /// - Parameter host: where the channel goes.
    func handler(for host: String) throws -> NIOSSLClientHandler {
        let serverName = serverName ?? host
        guard !Self.isAddress(serverName) else {
            // The IP address of the other end must be in the certificate.
            return try NIOSSLClientHandler(context: context, serverHostname: nil)
        }
        // NIOSSL alone would also accept a certificate for the address that the name leads to.
        return try ._makeSSLClientHandler(context: context, serverHostname: serverName) {
            certificate, channel in
            channel.eventLoop.makeCompletedFuture {
                guard certificate.names(serverName) else {
                    throw NIOSSLExtraError.failedToValidateHostname
                }
            }
        }
    }
}

extension NIOSSLCertificate {
    /// Whether one of its DNS names is this one; a `*` stands for the first label.
    fileprivate func names(_ name: String) -> Bool {
        let name = name.lowercased()
        let parent = name.drop { $0 != "." }
        return _subjectAlternativeNames().contains { alternative in
            guard alternative.nameType == .dnsName else { return false }
            let pattern = String(decoding: alternative.contents, as: UTF8.self).lowercased()
            return pattern == name || !parent.isEmpty && pattern == "*" + parent
        }
    }
}
