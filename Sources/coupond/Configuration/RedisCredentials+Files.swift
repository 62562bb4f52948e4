/// What the daemon shows to Redis, from the files that settings name.
internal import CouponCore
internal import CouponRedis

/// A file that a setting names cannot be used.
struct FileMistake: Error, CustomStringConvertible {
    let setting: Setting<String?>
    let text: String

    var description: String { "\(setting.key): \(text)" }
}

extension RedisCredentials {
    /// The most bytes of a PEM file.
    private static let longestPEM = 1 << 20

    /// Reads the files.
    init(_ configuration: Configuration) throws(FileMistake) {
        self.init()
        let settings = Settings.table
        if let path = configuration.redisPasswordFile {
            let bytes = try Self.read(settings.redisPasswordFile) { () throws(SecretError) in
                try secret(inFile: path, limit: Secrets.passwordLimit)
            }
            password = String(decoding: bytes, as: UTF8.self)
        }
        guard configuration.redisTLS, !configuration.redis.isUnixSocket else { return }
        let authority = try Self.pem(settings.redisTLSCA, configuration.redisTLSCA)
        let certificate = try Self.pem(
            settings.redisTLSCertificate, configuration.redisTLSCertificate)
        let key = try Self.pem(settings.redisTLSKey, configuration.redisTLSKey)
        do throws(RedisTLS.Mistake) {
            tls = try RedisTLS(
                authority: authority, certificate: certificate, key: key,
                serverName: configuration.redisTLSServerName)
        } catch {
            let setting =
                switch error.file {
                case .authority: settings.redisTLSCA
                case .certificate: settings.redisTLSCertificate
                case .key: settings.redisTLSKey
                }
            throw FileMistake(setting: setting, text: "the file \(error.text)")
        }
    }

    private static func pem(
        _ setting: Setting<String?>, _ path: String?
    ) throws(FileMistake) -> [UInt8]? {
        guard let path else { return nil }
        return try read(setting) { () throws(SecretError) in
            try contents(ofFile: path, limit: longestPEM)
        }
    }

    private static func read(
        _ setting: Setting<String?>, _ body: () throws(SecretError) -> [UInt8]
    ) throws(FileMistake) -> [UInt8] {
        do throws(SecretError) { return try body() } catch {
            throw FileMistake(setting: setting, text: "\(error)")
        }
    }
}
