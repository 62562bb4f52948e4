/// How many slow methods one connection may have in flight, so that one caller cannot fill a lane or leave
/// too many answers unread (promise 10).
internal import CouponCore
internal import Synchronization

struct SlowShare {
    enum Kind: Int, CaseIterable {
        case statuses, lists, batches, statusBatches, statusesOfBatches, watches, admin, audits

        /// Its name in errors for callers. Statuses of batches cause none: they wait for a place.
        var name: String {
            switch self {
            case .statusBatches: "batches of statuses"
            case .admin: "admin calls"
            default: "\(self)"
            }
        }

        var limit: Int {
            switch self {
            case .statuses, .statusesOfBatches: Limits.statusesInFlightPerConnection
            case .lists: Limits.listsInFlightPerConnection
            case .batches, .statusBatches: Limits.batchesInFlightPerConnection
            case .watches: Limits.watchesInFlightPerConnection
            case .admin: Limits.adminCallsInFlightPerConnection
            case .audits: Limits.auditsInFlightPerConnection
            }
        }
    }

    private var counts = [Int](repeating: 0, count: Kind.allCases.count)

    /// False if the limit is reached.
    mutating func reserve(_ kind: Kind) -> Bool {
        guard counts[kind.rawValue] < kind.limit else { return false }
        counts[kind.rawValue] += 1
        return true
    }

    mutating func release(_ kind: Kind) { counts[kind.rawValue] -= 1 }
}

/// Whether a caller is still connected: set by the connection's event loop, read by the thread that would
/// make the answer.
final class CallerPresence: Sendable {
    private let hasLeft = Atomic(false)

    var isThere: Bool { !hasLeft.load(ordering: .relaxed) }

    func leave() { hasLeft.store(true, ordering: .relaxed) }

    /// The answer to a method that had not begun, or that only read.
    static let gone = Failure.unavailable("the caller's connection is closed")
}
