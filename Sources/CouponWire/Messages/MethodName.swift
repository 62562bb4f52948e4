// The names of the methods, for logs, messages and the trail.

extension Request.Method {
    /// The field of the method in the .proto: `pause_coupon`.
    public var name: String {
        switch self {
        case .issue: "issue"
        case .couponStatus: "coupon_status"
        case .health: "health"
        case .serverInfo: "server_info"
        case .authenticate: "authenticate"
        case .issueBatch: "issue_batch"
        case .couponStatusBatch: "coupon_status_batch"
        case .watch: "watch"
        case .createCoupon: "create_coupon"
        case .getCoupon: "get_coupon"
        case .listCoupons: "list_coupons"
        case .updateCoupon: "update_coupon"
        case .pauseCoupon: "pause_coupon"
        case .resumeCoupon: "resume_coupon"
        case .closeCoupon: "close_coupon"
        case .deleteCoupon: "delete_coupon"
        case .archiveCoupon: "archive_coupon"
        case .unarchiveCoupon: "unarchive_coupon"
        case .auditCoupon: "audit_coupon"
        case .listIssues: "list_issues"
        case .listDeadLetters: "list_dead_letters"
        case .redriveDeadLetter: "redrive_dead_letter"
        case .discardDeadLetter: "discard_dead_letter"
        case .listAdminActions: "list_admin_actions"
        case .explain: "explain"
        case .reload: "reload"
        case .rebuildGate: "rebuild_gate"
        case .adoptRedis: "adopt_redis"
        case .topology: "topology"
        case .listConnections: "list_connections"
        case .endConnections: "end_connections"
        }
    }
}
