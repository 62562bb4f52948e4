/// What the server must know of each method: the role that it needs, the coupons that it touches, and what it
/// changes. A new method has a line in each of the three.
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

/// What a method changes.
enum MethodEffect {
    case nothing
    /// Memory of the daemon, or a gate. The trail has a line of each call.
    case daemon
    /// Rows besides those that accepted requests make. The trail has a line of each call.
    case tables
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

    /// What it changes, besides what issue requests do.
    var effect: MethodEffect {
        switch self {
        case .issue, .couponStatus, .issueBatch, .couponStatusBatch, .watch, .health, .serverInfo,
            .authenticate, .getCoupon, .listCoupons, .auditCoupon, .listIssues, .listDeadLetters,
            .listAdminActions, .explain, .topology, .listConnections:
            .nothing
        case .reload, .rebuildGate, .endConnections: .daemon
        case .createCoupon, .updateCoupon, .pauseCoupon, .resumeCoupon, .closeCoupon,
            .deleteCoupon, .archiveCoupon, .unarchiveCoupon, .redriveDeadLetter, .discardDeadLetter,
            .adoptRedis:
            .tables
        }
    }

    /// Whether the trail has a line of each call.
    var leavesTrail: Bool { effect != .nothing }
}
