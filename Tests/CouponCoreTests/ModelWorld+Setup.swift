/// What tests of loads and statuses begin with.
import CouponCore
import CoreTestKit

extension ModelWorld {
    /// Opens a partition's gate in epoch 1.
    func openGate(_ partition: PartitionID) {
        let row = tables.raiseEpoch(of: partition, above: 0, node: node)
        _ = redis.fence(row)
        _ = redis.open(row, counted: row.cursor, now: clocks.wallNow())
    }

    /// Gives the users of these numbers an issue each, with their number as its sequence.
    func issue(_ coupon: CouponID, to users: ClosedRange<Int64>) {
        for user in users {
            tables.issues[coupon, default: [:]][UserID(user)] = ModelTables.Issue(
                sequence: user, requestID: name(UInt64(user)), at: .zero)
        }
    }
}
