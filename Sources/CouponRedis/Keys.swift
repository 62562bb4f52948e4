/// The names of the keys. Scripts/prelude.lua describes what they hold.
///
/// All keys of a partition have one hash tag, so a script touches one hash slot, even on a cluster.
internal import CouponCore

enum Keys {
    /// All keys.
    static let pattern = "coupond:*"

    /// What an `EventSource` subscribes to.
    static let allEvents = "coupond:{*}:events"

    /// A channel without subscribers: what is published there goes to the replicas only.
    static let replicas = "coupond:replicas"

    /// The same in a cluster, where a channel does not go to the replicas: a key that nobody reads.
    static func replicas(_ partition: PartitionID) -> String { prefix(partition) + "replicas" }

    static func prefix(_ partition: PartitionID) -> String { "coupond:{\(partition.rawValue)}:" }

    static func events(_ partition: PartitionID) -> String { prefix(partition) + "events" }

    static func gate(_ partition: PartitionID) -> String { prefix(partition) + "gate" }

    static func queue(_ partition: PartitionID) -> String { prefix(partition) + "queue" }

    /// What a rebuild has copied of a queue that it replaces.
    static func copy(_ partition: PartitionID) -> String { queue(partition) + ":copy" }

    /// The epochs that have keys.
    static func epochs(_ partition: PartitionID) -> String { prefix(partition) + "epochs" }

    /// The coupons that have keys in an epoch.
    static func coupons(_ partition: PartitionID, _ epoch: Epoch) -> String {
        "\(prefix(partition))\(epoch):coupons"
    }

    static func record(_ coupon: CouponID, _ partition: PartitionID, _ epoch: Epoch) -> String {
        key(coupon, partition, epoch, "record")
    }

    static func holders(_ coupon: CouponID, _ partition: PartitionID, _ epoch: Epoch) -> String {
        key(coupon, partition, epoch, "holders")
    }

    /// The load that may stage the coupon's holders.
    static func claim(_ coupon: CouponID, _ partition: PartitionID, _ epoch: Epoch) -> String {
        key(coupon, partition, epoch, "claim")
    }

    /// Where a load writes holders before load.lua gives them their final key.
    static func staged(_ coupon: CouponID, _ partition: PartitionID, _ epoch: Epoch) -> String {
        key(coupon, partition, epoch, "staged")
    }

    /// Every key that a coupon may have in an epoch.
    static func all(_ coupon: CouponID, _ partition: PartitionID, _ epoch: Epoch) -> [String] {
        [
            record(coupon, partition, epoch), holders(coupon, partition, epoch),
            claim(coupon, partition, epoch), staged(coupon, partition, epoch),
        ]
    }

    private static func key(
        _ coupon: CouponID, _ partition: PartitionID, _ epoch: Epoch, _ name: String
    ) -> String {
        "\(prefix(partition))\(epoch):\(coupon.rawValue):\(name)"
    }
}
