/// What loads and statuses ask of PostgreSQL, from the tables of a `ModelWorld`.
import CouponCore
import CoreTestKit

/// Reads coupons and holders; a test is notified before each call.
final class FakeStore: CouponStore {
    enum Call { case marks, holders, statuses }

    var before: (Call) throws(BackendError) -> Void = { _ in }
    /// What happens after PostgreSQL has read the rows of statuses, and before the gate answers.
    var between: () -> Void = {}
    /// Coupons whose rows cannot be read.
    var damaged: Set<CouponID> = []
    /// Whether pages are read in advance, as PostgreSQL's are.
    var readsAhead = false
    private var ahead: (question: PageQuestion, page: HolderPage)?
    private let world: ModelWorld

    init(_ world: ModelWorld) { self.world = world }

    func marks(of coupons: [CouponID]) throws(BackendError) -> [LoadMarks] {
        try before(.marks)
        return world.tables.marks(of: coupons)
    }

    func holders(
        of coupon: CouponID, after place: HolderPlace, limit: Int
    ) throws(BackendError) -> HolderPage {
        try before(.holders)
        return world.tables.holders(of: coupon, after: place, limit: limit)
    }

    func holders(_ question: PageQuestion) throws(BackendError) -> HolderPage {
        if let ahead, ahead.question == question {
            self.ahead = nil
            return ahead.page
        }
        return try holders(of: question.coupon, after: question.place, limit: question.limit)
    }

    func readAhead(_ question: PageQuestion) {
        guard readsAhead else { return }
        let page = world.tables.holders(
            of: question.coupon, after: question.place, limit: question.limit)
        ahead = (question, page)
    }

    func statusRows(
        _ questions: [StatusQuestion], _ partitioning: Partitioning, during work: () -> Void
    ) throws(BackendError) -> StatusRows {
        try before(.statuses)
        var rows = world.tables.statusRows(questions)
        between()
        work()
        for coupon in damaged {
            rows.coupons[coupon] = .failure(.postgres(.refused("an unknown state")))
        }
        return rows
    }

    // Nothing else is asked for.
    private var notAskedFor: BackendError { .postgres(.refused("not asked for")) }

    func holders(
        of coupons: [CouponID], limit: Int
    ) throws(BackendError) -> [CouponID: [LoadedHolder]]? { throw notAskedFor }
    func partitions() throws(BackendError) -> [PartitionRow] { throw notAskedFor }
    func owners() throws(BackendError) -> [PartitionID: String] { throw notAskedFor }
    func coupon(_ id: CouponID) throws(BackendError) -> Coupon? { throw notAskedFor }
    func coupons(
        after: CouponID, limit: Int, archived: Bool
    ) throws(BackendError) -> [Coupon] { throw notAskedFor }
    func coupons(_ ids: [CouponID]) throws(BackendError) -> [Coupon] { throw notAskedFor }
    func opening(within milliseconds: Int64, limit: Int) throws(BackendError) -> [CouponID] {
        throw notAskedFor
    }
    func decisions(
        _ questions: [AcceptedRequest], in partition: PartitionID
    ) throws(BackendError) -> Decisions { throw notAskedFor }
    func standings(of users: [CouponUser]) throws(BackendError) -> [UserStanding?] {
        throw notAskedFor
    }
    func create(_ coupon: Coupon, by call: AdminCall) throws(BackendError) -> Bool {
        throw notAskedFor
    }
    func update(
        _ id: CouponID, _ change: CouponChange, by call: AdminCall,
        cap: (Coupon, PartitionRow) -> Bool
    ) throws(BackendError) -> CouponUpdateResult? { throw notAskedFor }
    func resync(
        _ update: (Coupon, PartitionRow) -> Bool, deleted remove: (CouponID, PartitionRow) -> Bool
    ) throws(BackendError) -> Bool { throw notAskedFor }
}
