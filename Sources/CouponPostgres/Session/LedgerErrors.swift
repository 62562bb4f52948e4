/// What an SQLSTATE means for the protocol (rule 19).
internal import CouponCore

extension LedgerError {
    /// Raised by `coupond.move_cursor`.
    private static let fence = "CPFEN"

    init(_ failure: SQLFailure) {
        guard case .refused(let state, _) = failure else {
            self = .sessionLost(failure.message)
            return
        }
        switch state {
        case Self.fence: self = .fenced
        case "40001", "40P01", "55P03": self = .busy(failure.message)
        default:
            // 25: read-only after a failover, or a transaction that the server has ended.
            let isSession = ["08", "25", "53", "57", "58"].contains { state.hasPrefix($0) }
            self = isSession ? .sessionLost(failure.message) : .refused(failure.message)
        }
    }
}
