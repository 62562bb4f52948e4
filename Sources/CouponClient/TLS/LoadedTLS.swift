/// What a client's connection needs for TLS, read from its files.
internal import CouponDomain
internal import FileAccess
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import TLSSupport

struct LoadedTLS: Sendable {
    /// Why the files cannot be used.
    struct Mistake: Error {
        let reason: String
    }

    /// The most that is read of a file: a file that never ends must not fill the memory.
    private static let longestFile = 1 << 20

    private let context: NIOSSLContext
    private let serverName: String?

    /// Reads the files; may block.
    init(_ tls: ClientTLS) throws(Mistake) {
        guard (tls.certificateFile == nil) == (tls.keyFile == nil) else {
            throw Mistake(reason: "TLS: a client certificate and its key need each other")
        }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.shutdownTimeout = .seconds(1)
        if let path = tls.trustRootsFile {
            configuration.trustRoots = .certificates(try Self.certificates(path))
        }
        if let path = tls.certificateFile, let keyPath = tls.keyFile {
            configuration.certificateChain = try Self.certificates(path).map { .certificate($0) }
            guard
                let key = (try? FileContents.read(keyPath, upTo: Self.longestFile)).flatMap(PEM.key)
            else {
                throw Mistake(
                    reason: "TLS: \(keyPath) has no private key in PEM form without a passphrase")
            }
            configuration.privateKey = .privateKey(key)
        }
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw Mistake(reason: "TLS: the client's key does not belong to its certificate")
        }
        serverName = tls.serverName
    }

    private static func certificates(_ path: String) throws(Mistake) -> [NIOSSLCertificate] {
        guard
            let certificates = (try? FileContents.read(path, upTo: Self.longestFile)).flatMap(
                PEM.certificates)
        else {
            throw Mistake(reason: "TLS: \(path) has no certificate in PEM form")
        }
        return certificates
    }

    /// Adds TLS to a connection that is going to be made.
    /// - Parameter timeout: how long the handshake may take.
    func addHandlers(
        to channel: any Channel, address: ServerAddress, timeout: TimeAmount
    ) throws {
        // A certificate for an IP address is compared with the address itself.
        let isIP = (try? SocketAddress(ipAddress: address.host, port: 0)) != nil
        let pipeline = channel.pipeline.syncOperations
        let name = serverName ?? (isIP ? nil : address.host)
        do {
            try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: name))
        } catch {
            throw Mistake(
                reason: "TLS: \"\(name ?? "")\" is not a name that a certificate may have")
        }
        try pipeline.addHandler(
            TLSHandshake(address: address, name: name, timeout: timeout))
    }
}
