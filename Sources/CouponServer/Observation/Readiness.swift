/// Whether the daemon is ready, for probes: what holds at the moment, and what has held for long enough to be
/// reported. A load balancer must not move all callers because of a rebuild that takes a second.
internal import CouponCore

/// What one loop server can do now.
struct LoopCondition: Equatable, Sendable {
    var partitionsOpen: Int
    var isDraining: Bool
    /// Why Redis cannot be used; nil if it can.
    var redis: String?
    /// Why the daemon receives no events; nil if it does.
    var events: String?
    /// Why requests for some coupons cannot be accepted; nil if all can.
    var whyNotReady: String?
}

/// What the daemon can do now.
struct Condition: Equatable, Sendable {
    let loops: [LoopCondition]
    let partitions: Int
    /// Why queues of this daemon's partitions wait; nil if none does.
    let queues: String?
    /// Which rights are missing; nil if none is. Without them nothing can be issued.
    let missingRights: String?

    /// Open at every loop server: the next connection may go to any of them.
    var partitionsOpen: Int { loops.map(\.partitionsOpen).min() ?? 0 }

    var isDraining: Bool { loops.isEmpty || loops.contains(where: \.isDraining) }

    /// Why requests for some coupons cannot be accepted; nil if all can.
    var trouble: String? { loops.lazy.compactMap(\.whyNotReady).first }

    /// Whether requests for some coupon can be accepted and issued.
    var canServe: Bool { !isDraining && partitionsOpen > 0 && missingRights == nil }

    /// What was looked at, for people: the name, whether it is well, and what was found.
    var checks: [(name: String, isWell: Bool, text: String)] {
        let redis = loops.lazy.compactMap(\.redis).first
        let events = loops.lazy.compactMap(\.events).first
        return [
            (
                "gates", partitionsOpen == partitions, "\(partitionsOpen) of \(partitions) are open"
            ),
            ("redis", redis == nil, redis ?? "answers"),
            ("queues", queues == nil, queues ?? "are drained"),
            ("rights", missingRights == nil, missingRights ?? "all are there"),
            ("events", events == nil, events ?? "come"),
            ("callers", !isDraining, isDraining ? Failure.drainReason : "are admitted"),
        ]
    }
}

struct Readiness {
    /// Whether the daemon has been ready since its start.
    private var wasReady = false
    /// The state that is reported.
    private(set) var isReady = false
    /// Since when the daemon has been in the other state.
    private var otherwiseSince: MonotonicTime?

    /// Reports another state once it has lasted; at once at the start, and if the daemon drains.
    mutating func observe(_ condition: Condition, now: MonotonicTime) {
        let canServe = condition.canServe
        guard canServe != isReady else {
            otherwiseSince = nil
            return
        }
        let since = otherwiseSince ?? now
        otherwiseSince = since
        let wait = canServe ? Limits.readyAgainMilliseconds : Limits.unreadyMilliseconds
        let isAtOnce = condition.isDraining || !wasReady
        guard isAtOnce || now.milliseconds(since: since) >= wait else { return }
        isReady = canServe
        wasReady = wasReady || canServe
        otherwiseSince = nil
    }
}

/// The bodies of `/readyz`.
enum ReadinessPage {
    static func text(_ condition: Condition, isReady: Bool) -> String {
        let trouble = condition.trouble ?? condition.missingRights
        guard let trouble else { return isReady ? "ready\n" : "not ready for long enough\n" }
        // The reason may quote Redis or PostgreSQL, and people ask with curl.
        return (isReady ? "degraded: " : "") + trouble.safeForTerminal + "\n"
    }

    /// For those who may not know the reason.
    static func shortText(isReady: Bool) -> String { isReady ? "ready\n" : "not ready\n" }

    static func verboseText(_ condition: Condition, isReady: Bool) -> String {
        let lines = condition.checks.map {
            "[\($0.isWell ? "+" : "-")] \($0.name): \($0.text.safeForTerminal)\n"
        }
        return lines.joined() + text(condition, isReady: isReady)
    }
}
