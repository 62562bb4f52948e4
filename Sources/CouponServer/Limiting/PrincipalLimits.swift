/// The limits that the callers file gives to principals, over all event loops. Only a principal that has one
/// costs a lock.
internal import CouponAccess
internal import CouponCore
internal import Synchronization

final class PrincipalLimits: Sendable {
    /// Users remembered for each principal that has a rate for users.
    private static let users = 4_096

    private struct Usage {
        var connections = 0
        var requests = TokenBucket()
        var users: UserRates?
    }

    private let usages = Mutex<[String: Usage]>([:])

    /// Counts a connection. False, and not counted, if its principal has so many already.
    func enter(_ principal: Principal) -> Bool {
        usages.withLock { usages in
            let count = usages[principal.name]?.connections ?? 0
            guard count < principal.connections ?? .max else { return false }
            usages[principal.name, default: Usage()].connections = count + 1
            return true
        }
    }

    /// A connection that was counted is closed, or belongs to another principal now.
    func leave(_ name: String) {
        usages.withLock { usages in
            guard let count = usages[name]?.connections, count > 0 else { return }
            usages[name]?.connections = count - 1
        }
    }

    /// Forgets principals that the callers file does not have any more, once their connections have ended.
    func forget(except callers: Callers) {
        usages.withLock { usages in
            usages = usages.filter { $1.connections > 0 || callers.contains($0) }
        }
    }

    /// How many principals are remembered.
    var count: Int { usages.withLock(\.count) }

    /// Counts an issue request.
    /// - Returns: nil if it may go on, else which limit it exceeds, and after how many milliseconds it may
    ///   go on.
    func spend(
        _ principal: Principal, _ user: UserID, now: MonotonicTime
    ) -> (reason: LimitReason, milliseconds: UInt32)? {
        usages.withLock { usages in
            var usage = usages[principal.name] ?? Usage()
            defer { usages[principal.name] = usage }
            if let most = principal.requestsPerSecondOfUser {
                let rate = Rate(perSecond: most)
                if usage.users?.rate != rate {
                    usage.users = UserRates(rate, capacity: Self.users)
                }
                if let wait = usage.users?.spend(user, now: now) { return (.rateOfUser, wait) }
            }
            guard let most = principal.requestsPerSecond,
                let wait = usage.requests.spend(Rate(perSecond: most), now: now)
            else { return nil }
            return (.rateOfPrincipal, wait)
        }
    }

    /// Counts a request of another kind.
    /// - Parameter count: how many it counts for: the users of a batch.
    /// - Returns: nil if it may go on, else after how many milliseconds it may go on.
    func spend(_ principal: Principal, requests count: Int, now: MonotonicTime) -> UInt32? {
        guard let most = principal.requestsPerSecond else { return nil }
        return usages.withLock { usages in
            usages[principal.name, default: Usage()].requests
                .spend(count, Rate(perSecond: most), now: now)
        }
    }
}
