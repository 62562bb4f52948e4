/// No model and no fake has dead letters, deletions, pages of issues or a trail: no test reaches these calls.
public import CouponCore

extension GateControl {
    /// Always fails.
    public func apply(
        _ letter: DeadLetter, of coupon: Coupon, partition: PartitionID, epoch: Epoch
    ) throws(BackendError) -> SetResult { throw .redis(.unavailable("no model of dead letters")) }

    /// Always fails.
    public func remove(
        _ coupon: CouponID, version: Int64, partition: PartitionID, epoch: Epoch
    ) throws(BackendError) -> RemoveResult { throw .redis(.unavailable("no model of removals")) }
}

private let noModel = BackendError.postgres(.refused("no model of this call"))

extension CouponStore {
    /// Always fails.
    public func issues(
        of coupon: CouponID, after: UserID, limit: Int
    ) throws(BackendError) -> [Issue] { throw noModel }

    /// Always fails.
    public func deadLetters(
        after: Int64, of coupon: CouponID?, limit: Int
    ) throws(BackendError) -> [DeadLetter] { throw noModel }

    /// Always fails.
    public func decide(
        _ letter: Int64, _ state: DeadLetter.State, by call: AdminCall
    ) throws(BackendError) -> LetterDecision { throw noModel }

    /// Always fails.
    public func unsyncedLetters(
        limit: Int, except coupons: Set<CouponID>
    ) throws(BackendError) -> [UnsyncedLetter] { throw noModel }

    /// Returns at once: no change is in progress.
    public func waitForChanges(of coupon: CouponID) throws(BackendError) {}

    /// Always fails.
    public func resyncLetter(
        _ letter: Int64, _ update: (DeadLetter, Coupon, PartitionRow) -> Bool
    ) throws(BackendError) -> Bool { throw noModel }

    /// Always fails.
    public func record(_ actions: [AdminAction]) throws(BackendError) -> [AdminAction] {
        throw noModel
    }

    /// Always fails.
    public func trail(
        of subject: TrailSubject, before: Int64, limit: Int
    ) throws(BackendError) -> [TrailLine] { throw noModel }

    /// Always fails.
    public func delete(
        _ id: CouponID, by call: AdminCall, remove: (Coupon, PartitionRow) -> Bool
    ) throws(BackendError) -> CouponUpdateResult? { throw noModel }

    /// Always fails.
    public func adoptRedis(by call: AdminCall) throws(BackendError) -> Int { throw noModel }

    /// Always fails.
    public func traces(
        of user: CouponUser, in partition: PartitionID
    ) throws(BackendError) -> UserTraces { throw noModel }
}

extension AdminCall {
    /// A call of a test.
    public static let sample = AdminCall(
        principal: "alice", address: "127.0.0.1", method: "update_coupon", request: 7)
}
