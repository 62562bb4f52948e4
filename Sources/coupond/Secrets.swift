/// What the daemon keeps to itself: read from files, so that no command line or environment shows it.
internal import Synchronization

final class Secrets: Sendable {
    /// Used for connections that are made after the start as well.
    let redisPassword: String?
    private let adminTokenFile: String?
    private let token: Mutex<[UInt8]?>

    /// The files were checked with the configuration.
    init(_ configuration: Configuration) {
        redisPassword = configuration.redisPasswordFile.flatMap { try? secret(inFile: $0) }
        adminTokenFile = configuration.adminTokenFile
        token = Mutex(Self.read(configuration.adminTokenFile))
    }

    /// What admin callers must present; nil where nothing is configured.
    var adminToken: [UInt8]? { token.withLock { $0 } }

    /// Reads the admin token anew; the old one stays where the file cannot be read.
    func reload() {
        guard let token = Self.read(adminTokenFile) else { return }
        self.token.withLock { $0 = token }
    }

    private static func read(_ path: String?) -> [UInt8]? {
        path.flatMap { try? secret(inFile: $0) }.map { Array($0.utf8) }
    }
}
