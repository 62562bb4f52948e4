/// What the server must know of each method: one line for each. Only the coupons that a method touches depend
/// on its arguments.
internal import CouponAccess
internal import CouponCore
internal import CouponWire

struct MethodDescriptor: Equatable {
    /// The role that a caller needs; nil if everybody may call it.
    let role: Roles?
    /// What it changes, besides what issue requests do.
    let effect: MethodEffect
    /// The lane in which a slow method waits.
    let lane: Lane
    /// The share of its connection that a slow method needs.
    let share: SlowShare.Kind

    init(
        _ role: Roles?, changes effect: MethodEffect = .nothing, lane: Lane = .admin,
        share: SlowShare.Kind = .admin
    ) {
        self.role = role
        self.effect = effect
        self.lane = lane
        self.share = share
    }
}

/// What a method changes.
enum MethodEffect {
    case nothing
    /// Memory of the daemon, or a gate. The trail has a line of each call.
    case daemon
    /// Rows besides those that accepted requests make. The trail has a line of each call.
    case tables
}

/// The coupons that a method touches.
enum TouchedCoupons: Equatable {
    case none
    case one(CouponID)
    /// More than it names, or those of a dead letter or a partition. Principals with ranges may not call such
    /// a method.
    case many
}

extension Request.Method {
    /// Its facts that do not depend on arguments.
    var descriptor: MethodDescriptor {
        switch self {
        case .issue: MethodDescriptor(.issuer)
        case .couponStatus: MethodDescriptor(.reader, lane: .statuses, share: .statuses)
        case .health: MethodDescriptor(nil)
        case .serverInfo: MethodDescriptor(nil)
        case .authenticate: MethodDescriptor(nil)
        case .issueBatch: MethodDescriptor(.issuer)
        case .couponStatusBatch: MethodDescriptor(.reader)
        case .watch: MethodDescriptor(.watcher, lane: .watches, share: .watches)
        case .createCoupon: MethodDescriptor(.admin, changes: .tables)
        case .getCoupon: MethodDescriptor(.operator)
        case .listCoupons: MethodDescriptor(.operator, share: .lists)
        case .updateCoupon: MethodDescriptor(.admin, changes: .tables)
        case .pauseCoupon: MethodDescriptor(.operator, changes: .tables)
        case .resumeCoupon: MethodDescriptor(.operator, changes: .tables)
        case .closeCoupon: MethodDescriptor(.admin, changes: .tables)
        case .deleteCoupon: MethodDescriptor(.admin, changes: .tables)
        case .archiveCoupon: MethodDescriptor(.admin, changes: .tables)
        case .unarchiveCoupon: MethodDescriptor(.admin, changes: .tables)
        case .auditCoupon: MethodDescriptor(.operator, lane: .audits, share: .audits)
        case .listIssues: MethodDescriptor(.operator, share: .lists)
        case .listDeadLetters: MethodDescriptor(.operator, share: .lists)
        case .redriveDeadLetter: MethodDescriptor(.operator, changes: .tables)
        case .discardDeadLetter: MethodDescriptor(.operator, changes: .tables)
        case .listAdminActions: MethodDescriptor(.operator, share: .lists)
        case .explain: MethodDescriptor(.operator)
        case .reload: MethodDescriptor(.admin, changes: .daemon)
        case .rebuildGate: MethodDescriptor(.admin, changes: .daemon)
        case .adoptRedis: MethodDescriptor(.admin, changes: .tables)
        case .topology: MethodDescriptor(.operator)
        case .listConnections: MethodDescriptor(.operator, share: .lists)
        case .endConnections: MethodDescriptor(.admin, changes: .daemon)
        }
    }

    /// Whether the trail has a line of each call.
    var leavesTrail: Bool { descriptor.effect != .nothing }

    /// The coupons that it touches.
    var touchedCoupons: TouchedCoupons {
        switch self {
        case .health, .serverInfo, .authenticate, .topology: .none
        case .issue(let request): .one(request.coupon)
        case .issueBatch(let batch): .one(batch.coupon)
        case .createCoupon(let coupon): .one(coupon.id)
        case .couponStatus(let id, _), .couponStatusBatch(let id, _), .getCoupon(let id),
            .updateCoupon(let id, _), .pauseCoupon(let id), .resumeCoupon(let id),
            .closeCoupon(let id), .deleteCoupon(let id), .archiveCoupon(let id),
            .unarchiveCoupon(let id), .auditCoupon(let id), .listIssues(let id, _, _),
            .explain(let id, _), .listAdminActions(.coupon(let id), _, _):
            .one(id)
        case .watch(let question): question.coupon.map(TouchedCoupons.one) ?? .many
        case .listDeadLetters(_, let id): id.map(TouchedCoupons.one) ?? .many
        case .listCoupons, .redriveDeadLetter, .discardDeadLetter, .listAdminActions, .reload,
            .rebuildGate, .adoptRedis, .listConnections, .endConnections:
            .many
        }
    }
}
