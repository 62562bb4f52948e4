/// What one connection may have under way of slow methods, so that one caller cannot fill a lane, nor have
/// more answers made than it may leave unread (promise 10).
internal import CouponCore
internal import CouponWire
internal import Synchronization

struct SlowShare {
    enum Kind: Int {
        case statuses, lists

        var limit: Int {
            switch self {
            case .statuses: Limits.statusesInFlightPerConnection
            case .lists: Limits.listsInFlightPerConnection
            }
        }
    }

    private var counts = [0, 0]

    /// False where so many are under way.
    mutating func reserve(_ kind: Kind) -> Bool {
        guard counts[kind.rawValue] < kind.limit else { return false }
        counts[kind.rawValue] += 1
        return true
    }

    mutating func release(_ kind: Kind) { counts[kind.rawValue] -= 1 }
}

extension Request.Method {
    /// Which share of its connection it takes; nil where only the lane bounds it.
    var share: SlowShare.Kind? {
        switch self {
        case .couponStatus: .statuses
        case .listCoupons, .listIssues, .listDeadLetters: .lists
        default: nil
        }
    }
}

/// Whether somebody is still there to hear an answer: told by a connection's event loop, asked by the thread
/// on which the answer would be made.
final class CallerPresence: Sendable {
    private let hasLeft = Atomic(false)

    var isThere: Bool { !hasLeft.load(ordering: .relaxed) }

    func leave() { hasLeft.store(true, ordering: .relaxed) }
}
