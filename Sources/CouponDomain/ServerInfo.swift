/// What the daemon is.
public struct ServerInfo: Equatable, Sendable {
    /// Its version.
    public var version: String
    /// P, the number of partitions.
    public var partitions: Int
    /// The longest frame that it reads, in bytes.
    public var maximumFrameBytes: Int
    /// Its clock.
    public var now: Timestamp
    /// After so many seconds without a request it closes a connection; 0 if it does not say.
    public var idleSeconds: Int
    /// What it can do that an earlier one could not, by the names of docs/PROTOCOL.md.
    public var features: [String]

    /// What the daemon is.
    public init(
        version: String, partitions: Int, maximumFrameBytes: Int, now: Timestamp,
        idleSeconds: Int = 0, features: [String] = []
    ) {
        self.version = version
        self.partitions = partitions
        self.maximumFrameBytes = maximumFrameBytes
        self.now = now
        self.idleSeconds = idleSeconds
        self.features = features
    }
}
