/// Why events do not come.
struct Silences {
    /// Those of all partitions.
    private var ofAll: String?
    private var byPartition: [PartitionID: String] = [:]

    /// Nil if all come.
    var reason: String? { ofAll ?? byPartition.values.first }

    /// - Parameter partition: nil for all.
    mutating func begin(_ partition: PartitionID?, _ reason: String) {
        if let partition { byPartition[partition] = reason } else { ofAll = reason }
    }

    /// - Parameter partition: nil for all.
    mutating func end(_ partition: PartitionID?) {
        if let partition {
            byPartition[partition] = nil
        } else {
            ofAll = nil
            byPartition = [:]
        }
    }
}
