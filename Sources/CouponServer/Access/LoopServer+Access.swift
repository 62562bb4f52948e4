/// Applies the rules of access to requests and connections, and counts and logs refusals.
internal import CouponAccess
internal import CouponCore
internal import CouponWire
internal import Logging
internal import Synchronization

extension LoopServer {
    /// In whose name a request may be handled; nil if it is refused, and answered.
    func allow(_ request: Request, from connection: ServerConnection) -> String? {
        do throws(AccessRefusal) {
            let identity = connection.identity
            return try AccessRules.allow(
                request, of: identity.principal, at: identity.peer,
                hasAdminListener: configuration.adminListen != nil
            ) {
                // The settings as they are now: a reload may change them.
                AccessRules.Settings(
                    adminToken: environment.adminToken,
                    hasCallers: environment.callers.areConfigured,
                    localCallersAreAdmins: configuration.localCallersAreAdmins
                        && (configuration.loopbackIsAdmin || identity.peer.socketPath != nil))
            }
        } catch {
            if case .issue = request.method { counts.count(error.failure) }
            // A refusal with an id goes into the trail. Only those of admin methods do: issues and statuses
            // are too many for that, and the metric counts them.
            report(
                error, connection.identity, request.method.name,
                request: request.method.isAdmin ? request.id : nil)
            connection.answer(Response(id: request.id, result: .failure(error.failure)))
            if error.endsConnection { connection.end() }
            return nil
        }
    }

    /// Why an issue request of a principal with limits is refused; nil if it may go on.
    func refusal(of issue: IssueRequest, from connection: ServerConnection) -> Failure? {
        let refusal = AccessRules.refusal(of: issue, from: connection.identity.principal)
        guard let refusal else { return nil }
        counts.count(refusal.failure)
        report(refusal, connection.identity, "issue")
        return refusal.failure
    }

    /// Answers `authenticate`. A wrong token ends the connection after the answer.
    func authenticate(_ token: [UInt8], _ caller: Caller, _ connection: ServerConnection) {
        do throws(AccessRefusal) {
            try connection.authenticate(token, environment.callers, now: clocks.wallNow())
            // The token's principal has as many connections as it may have: an error with the id 0 says so.
            if connection.state.isEnding { return connection.forgetRequest() }
            let principal = connection.identity.principal
            reply(
                caller,
                .authenticated(
                    Authentication(
                        principal: principal.name, roles: principal.roles.names,
                        expiresAt: principal.expiresAt)))
        } catch {
            report(error, connection.identity, "authenticate")
            reply(caller, .failure(error.failure))
            connection.end()
        }
    }

    /// The callers file was read again.
    func identifyAgain() {
        for connection in connections.all { connection.identifyAgain(environment.callers) }
        loopServers.limits.principals.forget(except: environment.callers)
    }

    /// Counts a refusal, for the trail too if the caller has a name, and logs it unless there are too many.
    /// - Parameter request: the id of the request; nil if the connection as a whole is refused, or a request
    ///   that the trail does not count.
    func report(
        _ refusal: AccessRefusal, _ identity: CallerIdentity, _ method: String,
        request: UInt64? = nil
    ) {
        accessCounts.count(refusal.reason)
        let now = clocks.now()
        if !identity.principal.isAnonymous, let request {
            let call = AdminCall(
                principal: identity.principal.name, address: identity.address, method: method,
                request: request)
            loopServers.trail.withLock { $0.denied.count(call, refusal.failure.code, at: now) }
        }
        guard let suppressed = accessLog.admit(now: now) else { return }
        var metadata: Logger.Metadata = [
            LogKey.principal: "\(identity.principal.name)",
            LogKey.address: "\(identity.address)", LogKey.method: "\(method)",
            LogKey.reason: "\(refusal.failure.message)",
        ]
        if suppressed > 0 { metadata[LogKey.suppressed] = "\(suppressed)" }
        logger.warning("a caller was refused", metadata: metadata)
    }
}
