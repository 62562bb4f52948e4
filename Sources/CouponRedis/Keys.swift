/// The names of keys, in one place. What they hold is drawn in Scripts/prelude.lua.
///
/// All keys of a partition carry one hash tag: a script touches one slot, also on a cluster.
internal import CouponCore

enum Keys {
    /// What an `EventSource` subscribes to.
    static let allEvents = "coupond:{*}:events"

    static func prefix(_ partition: PartitionID) -> String { "coupond:{\(partition.rawValue)}:" }

    static func gate(_ partition: PartitionID) -> String { prefix(partition) + "gate" }

    static func queue(_ partition: PartitionID) -> String { prefix(partition) + "queue" }

    static func record(_ coupon: CouponID, _ partition: PartitionID, _ epoch: Epoch) -> String {
        "\(prefix(partition))\(epoch):\(coupon.rawValue):record"
    }

    static func holders(_ coupon: CouponID, _ partition: PartitionID, _ epoch: Epoch) -> String {
        "\(prefix(partition))\(epoch):\(coupon.rawValue):holders"
    }

    /// Where a load writes holders before its script gives them their name; nobody else's.
    static func loading(_ partition: PartitionID) -> String {
        "\(prefix(partition))loading:\(UInt64.random(in: 0...(.max)))"
    }

    /// Epoch and coupon of a record's or holders' key; nil for any other key.
    static func parse(_ key: String, of partition: PartitionID) -> (epoch: Epoch, coupon: CouponID)?
    {
        guard key.hasPrefix(prefix(partition)) else { return nil }
        let parts = key.dropFirst(prefix(partition).count).split(separator: ":")
        guard parts.count == 3, let epoch = Epoch(parts[0]), let coupon = Int64(parts[1])
        else { return nil }
        return (epoch, CouponID(coupon))
    }
}
