/// What the trail needs of a method.
internal import CouponCore
internal import CouponWire

extension Request.Method {
    /// Whether the trail has a line of each call: it changes something.
    var leavesTrail: Bool {
        switch self {
        case .createCoupon, .updateCoupon, .pauseCoupon, .resumeCoupon, .closeCoupon,
            .deleteCoupon, .archiveCoupon, .unarchiveCoupon, .redriveDeadLetter, .discardDeadLetter,
            .reload, .rebuildGate, .adoptRedis,
            .endConnections:
            true
        case .issue, .couponStatus, .issueBatch, .couponStatusBatch, .watch, .health, .serverInfo,
            .authenticate, .getCoupon, .listCoupons,
            .auditCoupon, .listIssues, .listDeadLetters, .listAdminActions, .explain,
            .topology, .listConnections:
            false
        }
    }

    /// The coupon that the call names, if it is one that leaves a trail.
    var changedCoupon: CouponID? {
        switch self {
        case .createCoupon(let coupon): coupon.id
        case .updateCoupon(let id, _), .pauseCoupon(let id), .resumeCoupon(let id),
            .closeCoupon(let id), .deleteCoupon(let id), .archiveCoupon(let id),
            .unarchiveCoupon(let id):
            id
        default: nil
        }
    }

    /// The document of what the call asks for, if its method and its coupon do not say it.
    var asked: String? {
        switch self {
        case .updateCoupon(_, let change): TrailDocument.of(change)
        case .redriveDeadLetter(let id), .discardDeadLetter(let id):
            TrailDocument.of(deadLetter: id)
        case .endConnections(let filter): TrailDocument.of(filter, count: nil)
        default: nil
        }
    }
}
