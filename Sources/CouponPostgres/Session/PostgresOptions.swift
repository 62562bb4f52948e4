internal import CouponCore

/// How to reach PostgreSQL, and how long to wait for it. Everything that may block has a bound.
public struct PostgresOptions: Sendable {
    /// libpq's connection string or URI; several hosts may be named, one of them must be writable.
    public var connection: String
    /// Shown in `pg_stat_activity`.
    public var applicationName: String
    /// How long to wait for each host, in whole seconds; libpq's minimum is 2.
    public var connectTimeoutSeconds = 2
    /// The server ends a statement that takes longer, in milliseconds.
    public var statementTimeoutMilliseconds = Limits.statementMilliseconds
    /// The server ends a wait for a lock that takes longer, in milliseconds.
    public var lockTimeoutMilliseconds = 1_000
    /// The server ends a ledger's session that is silent for longer, and with it its locks (rule 9), in
    /// milliseconds.
    public var idleTimeoutMilliseconds = 2_000
    /// How long a whole round trip may take before the session is given up, in milliseconds: the server may
    /// be stopped, or the network may drop everything. Longer than the statement timeout.
    public var answerTimeoutMilliseconds = 10_000

    /// Reads the password for each new session; nil if the connection string is enough.
    public var readPassword: (@Sendable () throws -> String)?

    /// Called with the SQLSTATE of each statement that the server refuses, unless its data is at fault; from
    /// any thread.
    public var countRefusal: @Sendable (_ sqlState: String) -> Void = { _ in }

    /// Called when a session is lost; from any thread.
    public var countLoss: @Sendable () -> Void = {}

    /// Called with the rights that the role of the ledger lacks, or nil if it has all; from the ledger's
    /// thread, every few seconds.
    public var reportMissingRights: @Sendable (_ rights: String?) -> Void = { _ in }

    /// - Parameters:
    ///   - connection: libpq's connection string or URI.
    ///   - applicationName: shown in `pg_stat_activity`.
    public init(connection: String, applicationName: String = "coupond") {
        self.connection = connection
        self.applicationName = applicationName
    }
}
