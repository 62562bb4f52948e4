/// What a caller may not do, before it costs the gate anything. A caller without limits pays two comparisons
/// for each request.
internal import CouponAccess
internal import CouponCore
internal import CouponWire
internal import Logging
internal import Synchronization

extension LoopServer {
    private var shared: SharedLimits { loopServers.limits }

    /// The time of this turn: exact enough for limits, and read once.
    private var timeOfTurn: MonotonicTime { turn.time { clocks.now() } }

    // MARK: Connections

    /// Why a new connection must be closed; nil if it may stay.
    func admit(_ connection: ServerConnection) -> Failure? {
        guard !connections.isOverfull(isAdmin: connection.isAdmin) else {
            loopServers.connectionsRefused.add(1, ordering: .relaxed)
            return refuse(.connections, connection)
        }
        if !shared.debts.isEmpty {
            let now = clocks.now()
            if let debt = shared.debts.remove(of: connection.peer.address, now: now) {
                connection.limits.begin(with: debt, now: now)
            }
        }
        let limit = callerLimits.connections(ofLoopback: connection.peer.isLoopback)
        guard let limit, let address = AddressKey(connection.peer.address) else { return nil }
        guard shared.addresses.enter(address, limit: limit) else {
            connection.limits.isAboveAddressLimit = true
            return refuse(.connectionsOfAddress, connection)
        }
        connection.limits.address = address
        return nil
    }

    /// Counts the TLS handshake of a connection. False if its address has so many in progress that it must be
    /// closed.
    func beginHandshake(_ connection: ServerConnection) -> Bool {
        guard let address = connection.limits.address,
            let limit = callerLimits.handshakes(ofLoopback: connection.peer.isLoopback)
        else { return true }
        guard shared.handshakes.enter(address, limit: limit) else {
            count(.handshakesOfAddress, connection)
            return false
        }
        connection.limits.isInHandshake = true
        return true
    }

    /// The handshake of a connection has ended, in whatever way.
    func endHandshake(_ connection: ServerConnection) {
        guard connection.limits.isInHandshake, let address = connection.limits.address else {
            return
        }
        connection.limits.isInHandshake = false
        shared.handshakes.leave(address)
    }

    /// The connection is closed.
    func remove(_ connection: ServerConnection) {
        connections.remove(connection)
        dropBatches(of: connection)
        if connection.limits.buckets.areUsed {
            let now = clocks.now()
            if connection.limits.buckets.owes(now: now) {
                shared.debts.add(connection.limits.buckets, of: connection.peer.address, now: now)
            }
        }
        if let address = connection.limits.address { shared.addresses.leave(address) }
        if let name = connection.limits.principal { shared.principals.leave(name) }
    }

    /// The connection has another principal now, or its principal has other limits.
    /// - Returns: why it must be closed; nil if it may stay.
    func count(_ connection: ServerConnection, of principal: Principal) -> Failure? {
        if let name = connection.limits.principal { shared.principals.leave(name) }
        connection.limits.principal = nil
        guard principal.connections != nil else { return nil }
        guard shared.principals.enter(principal) else {
            return refuse(.connectionsOfPrincipal, connection)
        }
        connection.limits.principal = principal.name
        return nil
    }

    // MARK: Requests

    /// Why a request exceeds the rate of its user; nil if it does not, or if there are no rates.
    func limitRate(of issue: IssueRequest, from connection: ServerConnection) -> Failure? {
        guard let users = userRates, let wait = users.spend(issue.user, now: timeOfTurn) else {
            return nil
        }
        return counted(refuse(.rateOfUser, connection, retryAfter: wait))
    }

    /// Why a request exceeds a rate of its principal; nil if it does not.
    func limitPrincipal(of issue: IssueRequest, from connection: ServerConnection) -> Failure? {
        let principal = connection.principal
        guard principal.requestsPerSecond != nil || principal.requestsPerSecondOfUser != nil,
            let limit = shared.principals.spend(principal, issue.user, now: timeOfTurn)
        else { return nil }
        return counted(refuse(limit.reason, connection, retryAfter: limit.milliseconds))
    }

    /// The same for a request of another kind. `authenticate` has no rate: a caller can always prove who it
    /// is.
    /// - Parameter name: in whose name it is made. Requests with the admin token have no rate: a flood that
    ///   uses up the rate of `anonymous` must not keep an admin from closing a coupon.
    func limitPrincipal(
        _ method: Request.Method, by name: String, from connection: ServerConnection
    ) -> Failure? {
        if name == Principal.adminTokenName { return nil }
        // Issue requests have the function above.
        guard let role = method.descriptor.role, role != .issuer else { return nil }
        let principal = connection.principal
        guard principal.requestsPerSecond != nil,
            let wait = shared.principals.spend(
                principal, requests: max(1, method.users), now: timeOfTurn)
        else { return nil }
        return refuse(.rateOfPrincipal, connection, retryAfter: wait)
    }

    /// Why a request that did not bounce may not go to the gate; nil if it may.
    func limit(_ issue: IssueRequest, from connection: ServerConnection) -> Failure? {
        if issue.attempt > 0, let wait = connection.limits.retry(now: timeOfTurn) {
            return counted(refuse(.retries, connection, retryAfter: wait))
        }
        if let refusal = limitGuess(issue.coupon, from: connection) {
            return counted(refusal)
        }
        return isFull ? counted(refuse(.inFlight, connection)) : nil
    }

    /// Counts the end of an issue request.
    private func counted(_ failure: Failure) -> Failure {
        counts.count(failure)
        return failure
    }

    /// Why a slow method may not go to its lane; nil if it may. During a drain none may: callers that send
    /// one request after the other would keep the daemon from ending.
    func limit(_ method: Request.Method, from connection: ServerConnection) -> Failure? {
        if worker?.isDraining ?? true { return .draining }
        if case .couponStatus(let coupon, _) = method,
            let refusal = limitGuess(coupon, from: connection)
        {
            return refusal
        }
        // Pause, close and reload work under attack too; their lane has a limit of its own.
        return isFull && !method.isAdmin ? refuse(.inFlight, connection) : nil
    }

    /// Why a connection that has asked for too many unknown coupons may not ask for this one.
    private func limitGuess(
        _ coupon: CouponID, from connection: ServerConnection
    ) -> Failure? {
        guard connection.limits.isGuessing, !remembers(coupon).known,
            let wait = connection.limits.guess(now: timeOfTurn)
        else { return nil }
        return refuse(.unknownCoupons, connection, retryAfter: wait)
    }

    /// A request of a connection was for a coupon that does not exist, and was looked up.
    func countUnknownCoupon(_ connection: ServerConnection?) {
        connection?.limits.countUnknownCoupon(now: timeOfTurn)
    }

    /// Whether as many requests are in flight as may be: those of other event loops as of their last turn.
    private var isFull: Bool {
        let others = shared.requestsInFlight.load(ordering: .relaxed) - requestsPublished
        return others + requestsInFlight >= callerLimits.requestsInFlight
    }

    /// Lets the other event loops know how many requests are in flight here.
    func publishRequestsInFlight() {
        let change = requestsInFlight - requestsPublished
        guard change != 0 else { return }
        shared.requestsInFlight.add(change, ordering: .relaxed)
        requestsPublished += change
    }

    // MARK: Buffers

    /// Closes connections if all together hold too many bytes: first those that have stood still for the
    /// longest time, and of equal ones those that hold the most. A caller that reads its answers is among
    /// the last.
    func enforceBufferBudget() {
        guard buffers.isReached else { return }
        // What is going to be reset holds its bytes for a few turns only.
        var held = connections.all.filter { $0.exit != .reset }
            .map { (connection: $0, bytes: $0.heldBytes) }
        var sum = held.reduce(0) { $0 + $1.bytes }
        if sum > buffers.limit {
            held.sort {
                let (one, other) = (
                    $0.connection.watch.secondsStuck, $1.connection.watch.secondsStuck
                )
                return one == other ? $0.bytes < $1.bytes : one < other
            }
            while sum > buffers.target, let worst = held.popLast() {
                sum -= worst.bytes
                count(.buffers, worst.connection)
                worst.connection.end(by: .reset)
            }
        }
        buffers.measured(sum)
    }

    // MARK: Counting

    func count(_ reason: LimitReason, _ connection: ServerConnection) {
        limitCounts.count(reason, address: connection.address)
    }

    /// Counts a request that nobody could take now.
    func count(_ reason: LimitReason, of caller: Caller) {
        limitCounts.count(reason, address: connection(of: caller)?.address ?? "")
    }

    /// Why a connection may have no more slow requests of a kind.
    func refuse(_ share: SlowShare.Kind, _ connection: ServerConnection) -> Failure {
        count(.share, connection)
        return .exhausted("too many \(share.name) of this connection are unanswered")
    }

    private func refuse(
        _ reason: LimitReason, _ connection: ServerConnection,
        retryAfter milliseconds: UInt32 = Limits.retryAfterMilliseconds
    ) -> Failure {
        count(reason, connection)
        return reason.refusal(retryAfter: milliseconds)
    }

    /// Logs, each second, which limits were met.
    func logLimits() {
        for (reason, count, address) in limitCounts.dequeueUnlogged() {
            logger.notice(
                "callers met a limit",
                metadata: [
                    LogKey.reason: "\(reason.message)", LogKey.count: "\(count)",
                    LogKey.address: "\(address)",
                ])
        }
    }
}
