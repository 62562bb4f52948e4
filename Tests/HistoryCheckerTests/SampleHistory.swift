/// Handmade histories: one coupon, a few users, times in milliseconds.
import CouponCore
import HistoryChecker

extension Timestamp {
    /// So many milliseconds into the sample.
    static func millisecond(_ milliseconds: Int64) -> Timestamp {
        Timestamp(microseconds: 1_000_000_000 + milliseconds * 1_000)
    }
}

/// The request id with this number.
func requestID(_ number: UInt64) -> RequestID { RequestID(high: number, low: 0, length: 8) }

struct SampleHistory {
    /// The coupon of every sample.
    static let coupon = CouponID(1)
    var history = History()
    var tables = Tables()
    var checker = HistoryChecker()

    /// - Parameter total: the coupon's total; nil means unlimited.
    init(total: Int64? = 3) {
        history.offers[Self.coupon] = total
    }

    /// Adds a call.
    mutating func ask(
        _ user: Int64, request number: UInt64? = nil, try attempt: UInt32 = 0,
        from: Int64 = 100, to: Int64 = 110, deadline: Int64 = 1_000, _ end: Call.End
    ) {
        history.calls.append(
            Call(
                coupon: Self.coupon, user: UserID(user),
                requestID: requestID(number ?? UInt64(user)),
                attempt: attempt, waitsForIssue: false, deadlineMilliseconds: deadline, daemon: 1,
                sent: .millisecond(from), ended: .millisecond(to), end: end))
    }

    /// Adds a call that gets ACCEPTED, and its row.
    mutating func win(_ user: Int64, _ sequence: Int64, from: Int64 = 100, to: Int64 = 110) {
        ask(user, from: from, to: to, .answered(.accepted(sequence: sequence)))
        row(user, sequence, at: to)
    }

    /// Adds an issue row.
    mutating func row(
        _ user: Int64, _ sequence: Int64, request number: UInt64? = nil, at: Int64 = 105
    ) {
        tables.issues.append(Self.row(user, sequence, request: number, at: at))
    }

    /// Adds a rejection row.
    mutating func rejection(_ user: Int64, _ sequence: Int64) {
        tables.rejections.append(Self.row(user, sequence, request: nil, at: nil))
    }

    private static func row(
        _ user: Int64, _ sequence: Int64, request number: UInt64?, at: Int64?
    ) -> Tables.RequestRow {
        Tables.RequestRow(
            coupon: Self.coupon, user: UserID(user), sequence: sequence,
            requestID: requestID(number ?? UInt64(user)), acceptedAt: at.map { .millisecond($0) })
    }

    /// Adds a status that was answered.
    mutating func status(
        _ user: Int64, from: Int64 = 200, to: Int64 = 210, atRest: Bool = false,
        _ status: UserStatus
    ) {
        history.statuses.append(
            StatusCall(
                coupon: Self.coupon, user: UserID(user), sent: .millisecond(from),
                ended: .millisecond(to), status: status, isAtRest: atRest))
    }

    /// Adds a loss.
    mutating func lose(
        _ store: Loss.Store, from: Int64, to: Int64, of coupons: Set<CouponID>? = nil,
        includesAnswered: Bool = true, sparesEarlier: Bool = false
    ) {
        history.losses.append(
            Loss(
                of: store, at: Interval(from: .millisecond(from), to: .millisecond(to)),
                coupons: coupons, includesAnswered: includesAnswered,
                sparesEarlier: sparesEarlier))
    }

    /// The breaches found. By default the coupon's count matches its rows.
    func found(issued: Int64? = nil, record: Tables.Record? = nil) -> [Breach] {
        var tables = tables
        let rows = Int64(tables.issues.count)
        tables.coupons = [
            Tables.CouponRow(
                id: Self.coupon, total: history.offers[Self.coupon] ?? nil, issued: issued ?? rows)
        ]
        if let record { tables.records[Self.coupon] = record }
        return checker.check(history, against: tables)
    }

    /// The kinds of the breaches found.
    func kinds(issued: Int64? = nil, record: Tables.Record? = nil) -> Set<Breach.Kind> {
        Set(found(issued: issued, record: record).map(\.kind))
    }
}
