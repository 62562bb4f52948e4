/// What the log says of completion events: what came, and that the front doors of this daemon have it.
internal import CouponCore
internal import Logging

struct EventLog {
    private let logger: Logger
    /// Coupons that are closed, and that the log has named at `info`: further events of such a coupon are no
    /// news. Their number is bounded: once it is reached, all are forgotten, and their next events are named
    /// again.
    private var closed: Set<CouponID> = []
    private static let limit = 4_096

    init(logger: Logger) { self.logger = logger }

    /// Logs an event that every loop server has got. A heartbeat moves nothing, and leaves no line.
    mutating func record(_ event: CompletionEvent) {
        guard event.from < event.to || !event.coupons.isEmpty else { return }
        let finished = newlyFinished(event)
        let level: Logger.Level = finished.isEmpty ? .debug : .info
        logger.log(
            level: level, "a completion event came",
            metadata: [
                LogKey.partition: "\(event.partition.rawValue)",
                LogKey.from: "\(event.from)", LogKey.to: "\(event.to)",
                LogKey.coupons: "\(Self.list(event.coupons.map(\.coupon)))",
                LogKey.rejected: "\(event.rejections.count)",
            ])
        logger.log(
            level: level, "the front doors are updated",
            metadata: [
                LogKey.partition: "\(event.partition.rawValue)", LogKey.to: "\(event.to)",
                LogKey.finished: "\(Self.list(finished))",
            ])
    }

    private mutating func newlyFinished(_ event: CompletionEvent) -> [CouponID] {
        var finished: [CouponID] = []
        for standing in event.coupons {
            guard standing.door.hasFinished else {
                closed.remove(standing.coupon)
                continue
            }
            if closed.count >= Self.limit { closed.removeAll(keepingCapacity: true) }
            if closed.insert(standing.coupon).inserted { finished.append(standing.coupon) }
        }
        return finished
    }

    private static func list(_ coupons: [CouponID]) -> String {
        let rest = coupons.count > 16 ? " and \(coupons.count - 16) more" : ""
        return coupons.prefix(16).map { "\($0.rawValue)" }.joined(separator: ", ") + rest
    }
}

extension Door {
    /// Whether nothing is on offer any more, as far as is known.
    fileprivate var hasFinished: Bool {
        switch self {
        case .closed(.full), .closed(.soldOut), .closed(.ended), .closed(.closed): true
        case .open, .closed(.notOpen), .closed(.paused): false
        }
    }
}
