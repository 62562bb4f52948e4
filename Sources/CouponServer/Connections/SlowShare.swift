/// How many slow methods one connection may have in flight, so that one caller cannot fill a lane or leave
/// too many answers unread (promise 10).
internal import CouponCore
internal import CouponWire
internal import Synchronization

struct SlowShare {
    enum Kind: Int {
        case statuses, lists, batches, statusBatches, watches

        /// Its name in errors for callers.
        var name: String { self == .statusBatches ? "batches of statuses" : "\(self)" }

        var limit: Int {
            switch self {
            case .statuses: Limits.statusesInFlightPerConnection
            case .lists: Limits.listsInFlightPerConnection
            case .batches, .statusBatches: Limits.batchesInFlightPerConnection
            case .watches: Limits.watchesInFlightPerConnection
            }
        }
    }

    private var counts = [0, 0, 0, 0, 0]

    /// False if the limit is reached.
    mutating func reserve(_ kind: Kind) -> Bool {
        guard counts[kind.rawValue] < kind.limit else { return false }
        counts[kind.rawValue] += 1
        return true
    }

    mutating func release(_ kind: Kind) { counts[kind.rawValue] -= 1 }
}

extension Request.Method {
    /// The share of its connection that it needs; nil if only the lane limits it.
    var share: SlowShare.Kind? {
        switch self {
        case .couponStatus: .statuses
        case .watch: .watches
        case .listCoupons, .listIssues, .listDeadLetters, .listAdminActions, .listConnections:
            .lists
        default: nil
        }
    }
}

/// Whether a caller is still connected: set by the connection's event loop, read by the thread that would
/// make the answer.
final class CallerPresence: Sendable {
    private let hasLeft = Atomic(false)

    var isThere: Bool { !hasLeft.load(ordering: .relaxed) }

    func leave() { hasLeft.store(true, ordering: .relaxed) }
}
