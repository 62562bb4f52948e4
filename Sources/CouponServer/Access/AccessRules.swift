/// Who may call a method: principals with its role, callers with the admin token, and, while nothing else is
/// configured, callers on this machine.
internal import CouponAccess
internal import CouponCore
internal import CouponWire
internal import Glibc

enum AccessRules {
    /// What may give the right if the principal's roles do not.
    struct Settings {
        /// Nil if no admin token is configured.
        let adminToken: [UInt8]?
        /// Whether a callers file says who may call.
        let hasCallers: Bool
        /// Whether callers on this machine may call admin methods if neither of the two is configured.
        let localCallersAreAdmins: Bool
    }

    /// - Parameters:
    ///   - hasAdminListener: whether admin methods are served through a listener of their own only.
    ///   - settings: read only if the principal's roles do not give the right.
    /// - Returns: in whose name the method is called: the principal's, or the admin token's.
    static func allow(
        _ request: Request, of principal: Principal, at peer: Peer, hasAdminListener: Bool,
        _ settings: () -> Settings
    ) throws(AccessRefusal) -> String {
        let method = request.method
        guard let role = method.descriptor.role else { return principal.name }
        let isElsewhere = method.isAdmin && hasAdminListener && !peer.isAdminListener
        // Services that follow events are not admins, so they call at the listener for callers.
        if isElsewhere, role != .watcher { throw .notAdminListener }
        if principal.roles.contains(role) {
            try check(method.touchedCoupons, of: principal)
            return principal.name
        }
        if isElsewhere { throw .missing(role, principal, method) }
        guard method.isAdmin else { throw .missing(role, principal, method) }
        let settings = settings()
        guard let adminToken = settings.adminToken else {
            if settings.hasCallers { throw .missing(role, principal, method) }
            guard settings.localCallersAreAdmins, peer.isAdministrator(own: geteuid()) else {
                throw .notLocal
            }
            return principal.name
        }
        guard !request.token.isEmpty else {
            throw settings.hasCallers ? .missing(role, principal, method) : .noAdminToken
        }
        guard areEqualInConstantTime(request.token, adminToken) else { throw .wrongAdminToken }
        return Principal.adminTokenName
    }

    /// Why an issue request is refused; nil if it may go on.
    static func refusal(of issue: IssueRequest, from principal: Principal) -> AccessRefusal? {
        guard principal.roles.contains(.issuer) else {
            return .missing(.issuer, principal, .issue(issue))
        }
        do throws(AccessRefusal) {
            try check(.one(issue.coupon), of: principal)
            return nil
        } catch {
            return error
        }
    }

    /// Whether a principal may touch the coupons.
    private static func check(
        _ coupons: TouchedCoupons, of principal: Principal
    ) throws(AccessRefusal) {
        guard let ranges = principal.coupons else { return }
        switch coupons {
        case .none: return
        case .one(let id): if !ranges.contains(id) { throw .coupon(id, principal) }
        case .many: throw .manyCoupons(ranges, principal)
        }
    }
}
