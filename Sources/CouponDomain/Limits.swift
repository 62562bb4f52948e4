/// The limits that callers see, with their reasons (promise 10).
///
/// Limits that an operator may want to change are settings, with these as defaults.
public enum Limits {
    /// The longest frame, in bytes, without its length. Default; configurable.
    public static let frameBytes = 65_536
    /// What one frame may cost once unpacked, in bytes: 16 times the longest sensible message.
    public static let messageMemoryBytes = 65_536
    /// What one answer may cost a client once unpacked, in bytes: no full page of a list costs more.
    public static let answerMemoryBytes = 262_144
    /// Unanswered requests of one connection; beyond it the connection is not read.
    public static let requestsInFlightPerConnection = 1_024
    /// The deadline of a request that names none, in milliseconds (docs/PROTOCOL.md).
    public static let defaultDeadlineMilliseconds: UInt32 = 2_000
    /// The longest deadline; longer ones are shortened. A wait for ISSUED may outlast an outage.
    public static let maximumDeadlineMilliseconds: UInt32 = 60_000
    /// How long a refused caller should wait, in milliseconds.
    public static let retryAfterMilliseconds: UInt32 = 250
    /// The longest title, in bytes of UTF-8.
    public static let maximumTitleBytes = 200
    /// The largest total: sequences stay below 2^53, where Lua's numbers are exact.
    public static let maximumTotal: Int64 = 1 << 52
    /// The largest number that Lua counts to exactly: no sequence, count or version is larger.
    public static let maximumNumber: Int64 = 1 << 53
    /// The latest moment of a window, in microseconds since the epoch (the year 2255): Lua's numbers are
    /// exact up to here.
    public static let maximumMicroseconds = maximumNumber
    /// The longest admin token, in bytes.
    public static let maximumTokenBytes = 1_024
    /// The longest text of an error, in bytes of UTF-8; a longer one is cut.
    public static let maximumErrorTextBytes = 1_024
    /// Coupons in one page of a list, at most; fewer if they do not fit in a frame.
    public static let couponsPerPage = 500
    /// Issues in one page of a list, at most: with 64 bytes each they always fit in a frame.
    public static let issuesPerPage = 1_000
    /// Issues in a page of a list that names no limit.
    public static let defaultIssuesPerPage = 100
    /// Dead letters in one page of a list.
    public static let deadLettersPerPage = 100
    /// The longest text of a dead letter's error in an answer, in bytes of UTF-8.
    public static let deadLetterErrorBytes = 200
    /// Lines of the trail in one page, at most; fewer if they do not fit in a frame.
    public static let trailLinesPerPage = 100
    /// Connections in a page, at most.
    public static let connectionsPerPage = 200
    /// Connections in a page, if the caller names no limit.
    public static let defaultConnectionsPerPage = 100
    /// The longest address of a connection, in bytes: `unix:` and a path.
    public static let maximumAddressBytes = 256
    /// Lines of the trail in a page that names no limit.
    public static let defaultTrailLinesPerPage = 50
    /// The longest name of a caller that a question about the trail may have, in bytes of UTF-8.
    public static let maximumPrincipalBytes = 256
    /// Different errors in the answer to a batch, at most.
    public static let errorsPerBatch = 8
    /// Users of one batch of requests or of statuses, at most: a batch and its answer fit in a frame.
    public static let usersPerBatch = 1_000
    /// Events in one answer, at most: with 100 bytes each, and a bookmark of 1,024 partitions, they fit in a
    /// frame.
    public static let eventsPerPage = 400
    /// The longest bookmark, in bytes: one of 1,024 partitions has 25 KiB.
    public static let bookmarkBytes = 32_768
    /// The longest wait for events, in milliseconds.
    public static let maximumWatchMilliseconds: UInt32 = 30_000
    /// Nodes of Redis in one report, at most: with the longest texts they fit in a frame.
    public static let nodesPerReport = 256
    /// The longest id or address of a node in a report, in bytes of UTF-8; a longer one is cut.
    public static let nodeTextBytes = 96
    /// Coupons in a page of a list that names no limit.
    public static let defaultCouponsPerPage = 100
}
