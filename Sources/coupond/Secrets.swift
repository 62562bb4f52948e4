/// The daemon's secrets, from the files that settings name.
internal import CouponCore
internal import Synchronization

final class Secrets: Sendable {
    /// The longest password of Redis or PostgreSQL, in bytes.
    static let passwordLimit = 4_096

    private let adminTokenFile: String?
    private let token: Mutex<[UInt8]?>

    /// - Throws: if a file has become unreadable since the configuration was checked. Without its token the
    ///   daemon would serve admin methods that need one.
    init(_ configuration: Configuration) throws(SecretError) {
        adminTokenFile = configuration.adminTokenFile
        token = Mutex(try Self.token(inFile: configuration.adminTokenFile))
    }

    /// Nil if no file is configured.
    var adminToken: [UInt8]? { token.withLock { $0 } }

    /// Reads the admin token again; keeps the old one if the file cannot be used.
    func reload() throws(SecretError) {
        let new = try Self.token(inFile: adminTokenFile)
        token.withLock { $0 = new }
    }

    private static func token(inFile path: String?) throws(SecretError) -> [UInt8]? {
        guard let path else { return nil }
        return try secret(inFile: path, limit: Limits.maximumTokenBytes)
    }
}
