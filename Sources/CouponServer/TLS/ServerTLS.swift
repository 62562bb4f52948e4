/// The daemon's side of TLS: certificate, key and the CA of callers, which a reload replaces.
internal import CouponCore
internal import NIOCore
internal import NIOSSL
internal import Synchronization
internal import TLSSupport

/// The contents of the TLS files, in PEM form.
public struct TLSMaterial: Sendable {
    let certificate: [UInt8]
    let key: [UInt8]
    let clientCA: [UInt8]?

    /// - Parameters:
    ///   - certificate: the daemon's own, then those between it and the CA.
    ///   - key: of that certificate.
    ///   - clientCA: of callers; nil if they need no certificate.
    public init(certificate: [UInt8], key: [UInt8], clientCA: [UInt8]?) {
        self.certificate = certificate
        self.key = key
        self.clientCA = clientCA
    }
}

/// Why the TLS files cannot be used.
public struct TLSMistake: Error, CustomStringConvertible {
    /// Which file; named like its setting.
    public enum File: String, Sendable {
        case certificate = "tls-certificate"
        case key = "tls-key"
        case clientCA = "tls-client-ca"
    }

    /// The file that is wrong.
    public let file: File
    /// What is wrong with it.
    public let reason: String

    /// The setting, and what is wrong.
    public var description: String { "\(file.rawValue): \(reason)" }

    /// A mistake in one of the files.
    public init(_ file: File, _ reason: String) {
        self.file = file
        self.reason = reason
    }
}

/// What new connections use. Connections that are open keep what they began with.
public final class ServerTLS: Sendable {
    /// Certificate, key and CA that fit together.
    public struct Loaded: Sendable {
        let context: NIOSSLContext
        /// When the daemon's certificate ends, in Unix time.
        public let expiry: Int

        /// - Throws: what does not fit.
        public init(_ material: TLSMaterial) throws(TLSMistake) {
            let chain = try Self.certificates(material.certificate, .certificate)
            let roots = try material.clientCA.map { bytes throws(TLSMistake) in
                try Self.certificates(bytes, .clientCA)
            }
            guard let key = PEM.key(material.key) else {
                throw TLSMistake(
                    .key, "the file has no private key in PEM form without a passphrase")
            }
            let sources = chain.map { NIOSSLCertificateSource.certificate($0) }
            var configuration =
                roots.map {
                    TLSConfiguration.makeServerConfigurationWithMTLS(
                        certificateChain: sources, privateKey: .privateKey(key),
                        trustRoots: .certificates($0))
                }
                ?? .makeServerConfiguration(
                    certificateChain: sources, privateKey: .privateKey(key))
            configuration.minimumTLSVersion = .tlsv12
            configuration.shutdownTimeout = .milliseconds(Limits.tlsCloseMilliseconds)
            do {
                context = try NIOSSLContext(configuration: configuration)
            } catch {
                throw TLSMistake(.key, "the key does not belong to the certificate")
            }
            expiry = chain.map { Int($0.notValidAfter) }.min() ?? 0
        }

        private static func certificates(
            _ bytes: [UInt8], _ file: TLSMistake.File
        ) throws(TLSMistake) -> [NIOSSLCertificate] {
            guard let certificates = PEM.certificates(bytes) else {
                throw TLSMistake(file, "the file has no certificate in PEM form")
            }
            return certificates
        }
    }

    private let loaded: Mutex<Loaded>

    /// - Parameter loaded: what the first connections use.
    public init(_ loaded: Loaded) { self.loaded = Mutex(loaded) }

    /// From now on new connections use this.
    public func use(_ new: Loaded) { loaded.withLock { $0 = new } }

    /// When the daemon's certificate ends, in Unix time: the earliest end in its chain.
    public var expiry: Int { loaded.withLock { $0.expiry } }

    var context: NIOSSLContext { loaded.withLock { $0.context } }
}
