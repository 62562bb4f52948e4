/// TLS for callers: the files that settings name, and what was read from them.
internal import CouponCore
internal import CouponServer
internal import Logging

struct TLSFiles: Sendable {
    /// The longest file, in bytes: some hundred certificates.
    static let limit = 262_144

    private let certificate: String
    private let key: String
    private let clientCA: String?

    /// Nil if the daemon has no certificate.
    init?(_ configuration: Configuration) {
        guard let certificate = configuration.tlsCertificate, let key = configuration.tlsKey else {
            return nil
        }
        self.certificate = certificate
        self.key = key
        clientCA = configuration.tlsClientCA
    }

    /// Reads all files, and checks that they fit together.
    func load() throws(TLSMistake) -> ServerTLS.Loaded {
        var authority: [UInt8]?
        if let clientCA { authority = try read(clientCA, .clientCA) }
        return try ServerTLS.Loaded(
            TLSMaterial(
                certificate: read(certificate, .certificate), key: read(key, .key),
                clientCA: authority))
    }

    private func read(_ path: String, _ file: TLSMistake.File) throws(TLSMistake) -> [UInt8] {
        do throws(SecretError) {
            return try contents(ofFile: path, limit: Self.limit)
        } catch {
            throw TLSMistake(file, "\(error)")
        }
    }
}

extension Configuration {
    /// Checks the TLS files.
    /// - Throws: ``ConfigurationError`` with the first mistake.
    func checkTLSFiles() throws(ConfigurationError) {
        do throws(TLSMistake) {
            _ = try TLSFiles(self)?.load()
        } catch {
            let setting =
                switch error.file {
                case .certificate: Settings.table.tlsCertificate
                case .key: Settings.table.tlsKey
                case .clientCA: Settings.table.tlsClientCA
                }
            throw ConfigurationError(problems: [problem("\(error)", about: setting)])
        }
    }
}

/// TLS for callers, as it is in use.
struct CallerTLS: Sendable {
    let files: TLSFiles
    let context: ServerTLS
    private let logger: Logger

    init(_ files: TLSFiles, _ logger: Logger) throws(TLSMistake) {
        self.files = files
        self.logger = logger
        context = ServerTLS(try files.load())
        warnIfExpired()
    }

    /// From now on new connections use this.
    func use(_ loaded: ServerTLS.Loaded) {
        context.use(loaded)
        warnIfExpired()
    }

    /// Only logs it: callers that check certificates cannot connect then, but the clock may be wrong.
    private func warnIfExpired() {
        let end = Timestamp(microseconds: Int64(context.expiry) * 1_000_000)
        guard end < Clocks.system.wallNow() else { return }
        logger.error("the certificate of tls-certificate has expired")
    }
}
