/// The classes of coupond's advisory locks: the first of the two numbers that name one. They hold
/// within one database.
enum AdvisoryLock {
    /// With a partition: its owner (rule 9).
    static let owner: Int64 = 0x636F_0001
    /// With a random number: a daemon that shares the partitions.
    static let member: Int64 = 0x636F_0002
    /// With a partition: daemons that do not reach its node (rule 56).
    static let offer: Int64 = 0x636F_0004
    /// With a partition: the daemon that takes it from such a daemon.
    static let taker: Int64 = 0x636F_0005
    /// With 0: a migration.
    static let migration: Int64 = 0x636F_0003
}
