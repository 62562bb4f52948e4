/// Which role each method needs, and which coupons it touches: one table for all methods.
internal import CouponAccess
internal import CouponCore
internal import CouponWire

/// The coupons that a method touches.
enum TouchedCoupons: Equatable {
    case none
    case one(CouponID)
    /// More than it names, or those of a dead letter or a partition. Principals with ranges may not call such
    /// a method.
    case many
}

extension Request.Method {
    /// Nil if everybody may call it.
    var role: Roles? {
        switch self {
        case .health, .serverInfo, .authenticate: nil
        case .issue, .issueBatch: .issuer
        case .couponStatus, .couponStatusBatch: .reader
        case .watch: .watcher
        case .getCoupon, .listCoupons, .pauseCoupon, .resumeCoupon, .auditCoupon, .listIssues,
            .listDeadLetters, .redriveDeadLetter, .discardDeadLetter, .listAdminActions, .explain,
            .topology, .listConnections:
            .operator
        case .createCoupon, .updateCoupon, .closeCoupon, .deleteCoupon, .archiveCoupon,
            .unarchiveCoupon, .reload, .rebuildGate, .adoptRedis,
            .endConnections:
            .admin
        }
    }

    /// The coupons that it touches.
    var touchedCoupons: TouchedCoupons {
        switch self {
        case .health, .serverInfo, .authenticate, .topology: .none
        case .issue(let request): .one(request.coupon)
        case .issueBatch(let batch): .one(batch.coupon)
        case .couponStatus(let id, _), .couponStatusBatch(let id, _), .getCoupon(let id),
            .updateCoupon(let id, _),
            .pauseCoupon(let id), .resumeCoupon(let id), .closeCoupon(let id), .auditCoupon(let id),
            .deleteCoupon(let id), .archiveCoupon(let id), .unarchiveCoupon(let id),
            .listIssues(let id, _, _):
            .one(id)
        case .createCoupon(let coupon): .one(coupon.id)
        case .explain(let id, _), .listAdminActions(.coupon(let id), _, _): .one(id)
        case .watch(let question): question.coupon.map(TouchedCoupons.one) ?? .many
        case .listDeadLetters(_, let id): id.map(TouchedCoupons.one) ?? .many
        case .listCoupons, .redriveDeadLetter, .discardDeadLetter, .listAdminActions, .reload,
            .rebuildGate, .adoptRedis, .listConnections, .endConnections:
            .many
        }
    }
}
