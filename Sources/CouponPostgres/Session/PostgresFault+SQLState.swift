/// What an SQLSTATE means for the protocol (rule 19).
internal import CouponCore

extension PostgresFault {
    /// Raised by `coupond.move_cursor`.
    static let fence = "CPFEN"

    init(_ failure: SQLFailure) {
        switch failure {
        case .connectionLost(let message): self = .sessionLost(message)
        case .notConnected(let message): self = .unreachable(message)
        case .refused(let state, _): self.init(failure, state)
        }
    }

    private init(_ failure: SQLFailure, _ state: String) {
        switch state {
        case Self.fence: self = .fenced
        case "40001", "40P01", "55P03": self = .busy(failure.message)
        case "57014": self = .tooSlow(failure.message)
        case _ where Self.endsSession(state): self = .sessionLost(failure.message)
        case _ where Self.isServersTrouble(state): self = .failed(failure.message)
        default: self = .refused(failure.message)
        }
    }

    /// 08: no connection. 25: read-only after a failover, or a transaction that the server has ended.
    /// 57P: the server stops, or has ended the session. 53300: it accepts no more sessions.
    private static func endsSession(_ state: String) -> Bool {
        ["08", "25", "57P", "53300"].contains { state.hasPrefix($0) }
    }

    /// 53: no disk, no memory, a limit. 57: an operator's doing. 58: an I/O error.
    private static func isServersTrouble(_ state: String) -> Bool {
        ["53", "57", "58"].contains { state.hasPrefix($0) }
    }
}
