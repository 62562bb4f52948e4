/// The trail of admin actions, as far as it is not written by the transaction of a change.
///
/// A change and its line are one transaction, so neither exists without the other. All other lines wait in a
/// queue until PostgreSQL has them, so that no reload, no rebuild and no answer waits for it. These are the
/// lines of reloads, of rebuilds, at their beginning and at their end, of changes that were refused, and of
/// denied calls.
internal import CouponAccess
internal import CouponCore
internal import CouponWire
internal import Logging
internal import Synchronization

extension BlockingLane {
    /// Logs an action whose line is committed.
    func logDone(_ method: Request.Method, _ call: AdminCall) {
        log(AdminAction(call: call, coupon: method.changedCoupon, after: method.asked))
    }

    /// Logs and records a call that failed. No line is added if the change may be committed: then the
    /// transaction has written one.
    func recordFailure(_ failure: Failure, of method: Request.Method, _ call: AdminCall) {
        let action = AdminAction(
            call: call, coupon: method.changedCoupon, after: method.asked,
            outcome: failure.trailOutcome)
        log(action)
        if failure.acceptance != .unknown { queue(action) }
    }

    /// The line of a reload; one that failed is recorded by its caller. A signal leaves a line only if it
    /// changes who may call.
    func recordReload(_ change: CallersChange?, by call: AdminCall?) {
        let before = change.map { TrailDocument.of($0.before) }
        let after = change.map { TrailDocument.of($0.after) }
        if let call {
            queue(AdminAction(call: call, before: before, after: after))
        } else if change != nil {
            // No principal has such a name.
            let signal = AdminCall(
                principal: "signal:SIGHUP", address: "", method: "reload", request: 0)
            let action = AdminAction(call: signal, before: before, after: after)
            log(action)
            queue(action)
        }
    }

    /// A reload by a call.
    func recordedReload(by call: AdminCall) throws(BackendError) -> Response.Result {
        let result = reload(by: call)
        if case .failure(let failure) = result { throw .answer(failure) }
        return result
    }

    /// Adds a line that no transaction writes.
    func queue(_ action: AdminAction) {
        var action = action
        action.at = clocks.wallNow()
        let isAdded = loopServers.trail.withLock { [action] in $0.add(action) }
        if !isAdded { countLost([action]) }
    }

    /// Writes the lines that wait. Called each second.
    func writeTrail() {
        let now = clocks.now()
        let due = loopServers.trail.withLock { $0.removeDue(at: now) }
        let lines = due.actions + due.denied.map(\.action)
        if lines.isEmpty { return }
        do throws(BackendError) {
            countLost(try store.record(lines))
        } catch {
            countLost(
                loopServers.trail.withLock { $0.restore(due.actions, due.denied, at: now) })
            logger.warning(
                "the trail cannot be written; its lines wait",
                metadata: [LogKey.error: "\(error)"])
        }
    }

    /// Writes all lines that wait. What cannot be written now, or comes later, is lost: the daemon ends.
    func writeLastLines() {
        let lines = loopServers.trail.withLock { $0.close() }
        if lines.isEmpty { return }
        do throws(BackendError) {
            countLost(try store.record(lines))
        } catch {
            countLost(lines)
        }
    }

    /// Counts the lines that still wait as lost.
    nonisolated func loseLastLines() { countLost(loopServers.trail.withLock { $0.close() }) }

    /// One line for each action; the trail has more.
    func log(_ action: AdminAction) {
        logger.notice("an admin acted", metadata: metadata(of: action))
    }

    private nonisolated func countLost(_ actions: [AdminAction]) {
        loopServers.trailLinesLost.add(actions.count, ordering: .relaxed)
        for action in actions {
            logger.error("the trail lacks an action", metadata: metadata(of: action))
        }
    }

    private nonisolated func metadata(of action: AdminAction) -> Logger.Metadata {
        let call = action.call
        var metadata: Logger.Metadata = [
            LogKey.principal: "\(call.principal)", LogKey.address: "\(call.address)",
            LogKey.method: "\(call.method)", LogKey.request: "\(call.request)",
            LogKey.outcome: "\(action.outcome)",
        ]
        if let coupon = action.coupon { metadata[LogKey.coupon] = "\(coupon.rawValue)" }
        if let after = action.after { metadata[LogKey.after] = "\(after)" }
        return metadata
    }
}

extension TrailDocument {
    /// Principals in one document; more are only counted, because the table has a bound for documents.
    private static let principals = 32

    /// Principals with their roles.
    fileprivate static func of(_ principals: [Principal]) -> String {
        let more = principals.count - Self.principals
        return of(
            rolesOf: principals.prefix(Self.principals).map {
                ($0.name, $0.roles.names.joined(separator: ","))
            }, more: max(0, more))
    }
}

extension Failure {
    /// Code and text, for the trail.
    var trailOutcome: String { "\(code.name): \(message)" }
}

extension Request.Method {
    /// The coupon that the call names, if the call leaves a line in the trail.
    fileprivate var changedCoupon: CouponID? {
        if leavesTrail, case .one(let id) = touchedCoupons { id } else { nil }
    }

    /// The document of what the call asks for, if its method and its coupon do not say it.
    fileprivate var asked: String? {
        switch self {
        case .updateCoupon(_, let change): TrailDocument.of(change)
        case .redriveDeadLetter(let id), .discardDeadLetter(let id):
            TrailDocument.of(deadLetter: id)
        case .endConnections(let filter): TrailDocument.of(filter, count: nil)
        default: nil
        }
    }
}
