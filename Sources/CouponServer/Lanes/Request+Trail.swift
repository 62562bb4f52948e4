/// What the trail needs of a method.
internal import CouponCore
internal import CouponWire

extension Request.Method {
    /// The field of the method in the .proto: `pause_coupon`.
    var name: String {
        switch self {
        case .issue: "issue"
        case .couponStatus: "coupon_status"
        case .health: "health"
        case .serverInfo: "server_info"
        case .authenticate: "authenticate"
        case .createCoupon: "create_coupon"
        case .getCoupon: "get_coupon"
        case .listCoupons: "list_coupons"
        case .updateCoupon: "update_coupon"
        case .pauseCoupon: "pause_coupon"
        case .resumeCoupon: "resume_coupon"
        case .closeCoupon: "close_coupon"
        case .auditCoupon: "audit_coupon"
        case .listIssues: "list_issues"
        case .listDeadLetters: "list_dead_letters"
        case .redriveDeadLetter: "redrive_dead_letter"
        case .discardDeadLetter: "discard_dead_letter"
        case .listAdminActions: "list_admin_actions"
        case .explain: "explain"
        case .reload: "reload"
        case .rebuildGate: "rebuild_gate"
        }
    }

    /// Whether the trail has a line of each call: it changes something.
    var leavesTrail: Bool {
        switch self {
        case .createCoupon, .updateCoupon, .pauseCoupon, .resumeCoupon, .closeCoupon,
            .redriveDeadLetter, .discardDeadLetter, .reload, .rebuildGate:
            true
        case .issue, .couponStatus, .health, .serverInfo, .authenticate, .getCoupon, .listCoupons,
            .auditCoupon, .listIssues, .listDeadLetters, .listAdminActions, .explain:
            false
        }
    }

    /// The coupon that the call names, if it is one that leaves a trail.
    var changedCoupon: CouponID? {
        switch self {
        case .createCoupon(let coupon): coupon.id
        case .updateCoupon(let id, _), .pauseCoupon(let id), .resumeCoupon(let id),
            .closeCoupon(let id):
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
        default: nil
        }
    }
}
