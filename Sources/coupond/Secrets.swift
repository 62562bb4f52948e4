/// The daemon's secrets, and who may call it, from the files that settings name.
internal import CouponAccess
internal import CouponCore
internal import Synchronization

final class Secrets: Sendable {
    /// The longest password of Redis or PostgreSQL, in bytes.
    static let passwordLimit = 4_096

    private let adminTokenFile: String?
    private let callersFile: String?
    private let current: Mutex<Access>

    /// What a reload reads again: all of it, or nothing.
    struct Access {
        /// Nil if no file is configured.
        fileprivate let adminToken: [UInt8]?
        let callers: Callers
    }

    /// - Throws: if a file has become unreadable since the configuration was checked. Without its token the
    ///   daemon would serve admin methods that need one.
    init(_ configuration: Configuration) throws(SecretError) {
        (adminTokenFile, callersFile) = (configuration.adminTokenFile, configuration.callersFile)
        current = Mutex(
            Access(
                adminToken: try Self.token(inFile: configuration.adminTokenFile),
                callers: try Self.callers(inFile: configuration.callersFile)))
    }

    /// Nil if no file is configured.
    var adminToken: [UInt8]? { current.withLock { $0.adminToken } }

    /// Who may call.
    var callers: Callers { current.withLock { $0.callers } }

    /// Reads the admin token and the callers file again, for ``use(_:)``.
    func read() throws(SecretError) -> Access {
        let token: [UInt8]?
        do throws(SecretError) {
            token = try Self.token(inFile: adminTokenFile)
        } catch {
            throw SecretError("admin-token-file: \(error); the old token stays valid")
        }
        let callers: Callers
        do throws(SecretError) {
            callers = try Self.callers(inFile: callersFile)
        } catch {
            throw SecretError("\(error); the old callers stay")
        }
        return Access(adminToken: token, callers: callers)
    }

    /// From now on these hold.
    func use(_ access: Access) { current.withLock { $0 = access } }

    private static func callers(inFile path: String?) throws(SecretError) -> Callers {
        guard let path else { return Callers() }
        do throws(CallersFileError) {
            return Callers(try CallersFile(path: path))
        } catch {
            throw SecretError("callers-file: \(error.summary(path: path))")
        }
    }

    private static func token(inFile path: String?) throws(SecretError) -> [UInt8]? {
        guard let path else { return nil }
        return try checkedAdminToken(inFile: path)
    }
}
