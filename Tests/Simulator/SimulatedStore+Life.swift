/// Deletions, as `PostgresCouponStore` makes them: under the locks of the partition and the coupon (rule 55).
import CouponCore
import CoreTestKit

extension SimulatedStore {
    func delete(
        _ id: CouponID, by call: AdminCall, remove: (Coupon, PartitionRow) -> Bool
    ) throws(BackendError) -> CouponUpdateResult? {
        guard try writeOutbox(id) else { return nil }
        defer { session.rollBack() }
        try session.leave(session.enter())
        try session.lock(.outbox(id))
        guard play.postgres.tables.notes[id] != nil else {
            throw .postgres(.busy("the outbox row is gone"))
        }
        guard let coupon = try lock(id) else { return nil }
        guard coupon.state == .closed else { return .invalid("only a closed coupon can go") }
        let tables = play.postgres.tables
        if tables.hasDecided(id) { return .invalid("requests for it were decided") }
        guard remove(coupon, tables[partition(of: id)]) else { return .refusedByGate }
        return try session.commit("delete coupon \(id.rawValue)") { tables in
            tables.coupons[id] = nil
            return .updated(coupon)
        }
    }
}
