/// Who may see what over HTTP: the same as by the methods of the protocol.
internal import CouponAccess
internal import CouponCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization

/// What somebody may see of the pages, besides metrics.
struct PageView: OptionSet, Hashable, Sendable {
    let rawValue: UInt8

    /// Coupons with their titles, as `coupon_status` shows them.
    static let coupons = PageView(rawValue: 1)
    /// The last lines of the trail, as `list_admin_actions` shows them.
    static let actions = PageView(rawValue: 2)
    /// Why the daemon is not ready: it names servers and rights.
    static let reasons = PageView(rawValue: 4)
}

extension CouponServer {
    /// Why a page is refused: beyond this machine only readers of the callers file see more than probes do.
    func refusal(
        of path: String, _ asker: ObservationHandler.Asker
    ) -> ObservationHandler.Page? {
        guard configuration.observersNeedRole, environment.callers.areConfigured,
            path != "/livez", path != "/readyz"
        else { return nil }
        if let proved = proved(by: asker), proved.roles.contains(.reader), proved.coupons == nil {
            return nil
        }
        observerRefused(
            "no token of a reader for all coupons", "GET \(path.prefix(64))", asker.address)
        return ObservationHandler.Page(
            status: .unauthorized,
            body: "Authorization: Bearer with the token of a reader for all coupons is needed\n")
    }

    /// Counts and logs a request that is refused.
    func observerRefused(_ reason: String, _ request: String, _ address: String?) {
        loopServers.observersRefused.add(1, ordering: .relaxed)
        logger.notice(
            "a request over HTTP was refused",
            metadata: [
                LogKey.reason: "\(reason)", LogKey.method: "\(request)",
                LogKey.address: "\(address ?? "")",
            ])
    }

    /// What of the pages a client may see.
    func view(for asker: ObservationHandler.Asker) -> PageView {
        let (callers, proved) = (environment.callers, proved(by: asker))
        if proved == nil, !configuration.observersNeedRole, !asker.callsByAddress { return [] }
        let principal = proved ?? callers.anonymous
        var roles = principal.roles
        if principal.isAnonymous, isLocalAdministrator(asker.address) { roles.insert(.operator) }
        var view: PageView = []
        if !configuration.observersNeedRole || !callers.areConfigured || !roles.isEmpty {
            view.insert(.reasons)
        }
        guard principal.coupons == nil else { return view }
        if roles.contains(.reader) { view.insert(.coupons) }
        if roles.contains(.operator) { view.insert(.actions) }
        return view
    }

    /// The principal of a token; nil if there is none that may call.
    private func proved(by asker: ObservationHandler.Asker) -> Principal? {
        let scheme = "bearer "
        guard let authorization = asker.authorization,
            authorization.lowercased().hasPrefix(scheme)
        else { return nil }
        let token = Array(authorization.utf8.dropFirst(scheme.utf8.count))
        let principal = environment.callers.principal(provedBy: TokenDigest(of: token))
        let now = configuration.worker.clocks.wallNow()
        return principal.flatMap { $0.hasExpired(at: now) ? nil : $0 }
    }

    /// As for the methods of operators: while nothing else is configured, callers on this machine are
    /// administrators.
    private func isLocalAdministrator(_ address: String?) -> Bool {
        configuration.localCallersAreAdmins && configuration.loopbackIsAdmin
            && !environment.callers.areConfigured && environment.adminToken == nil
            && address.flatMap { IPAddress($0) }?.isLoopback ?? false
    }
}
