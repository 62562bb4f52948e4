/// The rights that `coupond acl` prints: daemons under test have these, and no others.
internal import Foundation

/// Redis' user and PostgreSQL's roles of the daemons under test.
public enum LeastRights {
    /// The daemons' user in Redis.
    public static let redisUser = "coupond"
    /// Its password: the word that `coupond acl redis` prints in its place.
    public static let redisPassword = "PASSWORD"
    /// The role that owns the schema.
    public static let owner = "coupond_owner"
    /// The role of the daemons.
    public static let role = "coupond_daemon"

    private static let accessList = Task {
        try await coupond(["acl", "redis", "--redis-wait-replicas", "1"])
    }
    private static let clusterAccessList = Task {
        try await coupond([
            "acl", "redis", "--redis-wait-replicas", "1", "--redis", "cluster:127.0.0.1:1",
        ])
    }
    private static let sql = Task {
        try await coupond(["acl", "postgres", "--owner", owner, "--role", role])
    }

    /// Options of redis-server that make the user, so that it is there after a restart too.
    static func redisOptions(inCluster: Bool) async throws -> [String] {
        let list = inCluster ? clusterAccessList : accessList
        let words = try await list.value.split(separator: " ").map(String.init)
        return ["--user"] + words.dropFirst(2)
    }

    /// Makes the schema as its owner, and gives the daemons' role what it needs.
    /// - Parameter database: the connection string of a superuser.
    public static func prepare(_ postgres: PostgresServer, _ database: String) async throws {
        try postgres.query(try await sql.value, on: database)
        _ = try await coupond([
            "migrate", "--postgres", connection(database, as: owner), "--grant-to", role,
        ])
    }

    /// A connection string of ``PostgresServer`` for another role.
    public static func connection(_ database: String, as role: String) -> String {
        database.replacing("user=coupond ", with: "user=\(role) ")
    }

    private static func coupond(_ arguments: [String]) async throws -> String {
        let folder = try TemporaryFolder()
        let process = try ServerProcess(
            builtExecutable("coupond"), arguments: arguments, in: folder.path)
        let end = try await process.waitForEnd()
        let text = process.logText
        guard end == .code(0) else {
            throw ServerProcessError(description: "coupond \(arguments) ended with \(end): \(text)")
        }
        return text
    }
}
