/// What the daemon is.
public struct ServerInfo: Equatable, Sendable {
    /// Its version.
    public var version: String
    /// P.
    public var partitions: Int
    /// The longest frame that it reads, in bytes.
    public var maximumFrameBytes: Int
    /// Its clock.
    public var now: Timestamp

    /// What the daemon is.
    public init(version: String, partitions: Int, maximumFrameBytes: Int, now: Timestamp) {
        self.version = version
        self.partitions = partitions
        self.maximumFrameBytes = maximumFrameBytes
        self.now = now
    }
}
