import CouponCore
import CouponWire

/// The figures of a coupon as an audit reports them, by default of one that is sold out and settled.
struct Figures {
    var total: Int64? = 10
    var counted: Int64 = 10
    var rows: Int64 = 10
    var used: Int64 = 10
    var last: Int64 = 10
    var rejected: Int64 = 0
    var queue: Int64 = 0
    var soldOut = true
    var workers = 2
    var closed = 2

    var audit: CouponAudit {
        let time = Timestamp(microseconds: 0)
        let coupon = Coupon(
            id: CouponID(1), title: "t", total: total, window: Window(opens: time, closes: time),
            issued: counted, lastSequence: last)
        let cursor = Position(epoch: 1, n: 4)
        return CouponAudit(
            accounts: LedgerAccounts(
                coupon: coupon, epoch: 1, cursor: cursor,
                rows: IssuedRows(
                    count: rows, lowest: rows > 0 ? 1 : nil, highest: rows > 0 ? last : nil,
                    repeated: 0), rejected: rejected, deadLettered: 0),
            gate: GateRecord(
                version: 1, rev: 1, used: used, queued: 0, nextSequence: last + 1, cap: nil,
                terms: coupon.terms),
            place: GatePlace(isOpen: true, epoch: 1, settled: cursor, tail: 4),
            queueRequests: queue, gateSaysSoldOut: soldOut, workers: workers, workersClosed: closed)
    }

    static func with(_ change: (inout Figures) -> Void) -> Figures {
        var figures = Figures()
        change(&figures)
        return figures
    }
}
