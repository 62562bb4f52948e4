/// The daemon's secrets, from the files that settings name.
internal import Synchronization

final class Secrets: Sendable {
    /// Read once: connections that are made later use it too.
    let redisPassword: String?
    private let adminTokenFile: String?
    private let token: Mutex<[UInt8]?>

    /// The configuration has checked the files.
    init(_ configuration: Configuration) {
        redisPassword = configuration.redisPasswordFile.flatMap { try? secret(inFile: $0) }
        adminTokenFile = configuration.adminTokenFile
        token = Mutex(Self.read(configuration.adminTokenFile))
    }

    /// Nil if no file is configured.
    var adminToken: [UInt8]? { token.withLock { $0 } }

    /// Reads the admin token again; keeps the old one if the file cannot be read.
    func reload() {
        guard let token = Self.read(adminTokenFile) else { return }
        self.token.withLock { $0 = token }
    }

    private static func read(_ path: String?) -> [UInt8]? {
        path.flatMap { try? secret(inFile: $0) }.map { Array($0.utf8) }
    }
}
