/// Joins calls and rows by request.
internal import CouponCore

/// What identifies a request.
struct RequestName: Hashable {
    let coupon: CouponID
    let user: UserID
    let requestID: RequestID
}

/// A user and the coupon that the user wants.
struct Wish: Hashable {
    let coupon: CouponID
    let user: UserID
}

/// All calls of one request, and its rows.
struct RequestTrace {
    let name: RequestName
    /// In the order in which they ended.
    let calls: [Call]
    /// The user's row for this coupon, of this request or another one.
    let issue: Tables.RequestRow?
    /// Rejections and dead letters of this user and coupon.
    let rejections: [Tables.RequestRow]

    /// The row, if it is this request's.
    var ownIssue: Tables.RequestRow? { issue?.requestID == name.requestID ? issue : nil }

    /// From the first call's start to the last one's end.
    var span: Interval {
        Interval(
            from: calls.map(\.sent).min() ?? .zero, to: calls.map(\.ended).max() ?? .zero)
    }

    /// Whether the tables have this acceptance.
    func isKept(_ sequence: Int64) -> Bool {
        issue?.sequence == sequence || rejections.contains { $0.sequence == sequence }
    }
}

/// Calls and rows joined.
struct Join {
    let traces: [RequestTrace]
    let issues: [Wish: [Tables.RequestRow]]
    let rejections: [Wish: [Tables.RequestRow]]

    init(_ history: History, _ tables: Tables) {
        let issues = Dictionary(grouping: tables.issues) { Wish(coupon: $0.coupon, user: $0.user) }
        let rejections = Dictionary(grouping: tables.rejections + tables.deadLetters) {
            Wish(coupon: $0.coupon, user: $0.user)
        }
        let calls = Dictionary(grouping: history.calls) {
            RequestName(coupon: $0.coupon, user: $0.user, requestID: $0.requestID)
        }
        traces = calls.map { name, calls in
            let wish = Wish(coupon: name.coupon, user: name.user)
            let rows = issues[wish] ?? []
            return RequestTrace(
                name: name, calls: calls.sorted { $0.ended < $1.ended },
                issue: rows.first { $0.requestID == name.requestID } ?? rows.first,
                rejections: rejections[wish] ?? [])
        }.sorted { $0.span.from < $1.span.from }
        self.issues = issues
        self.rejections = rejections
    }
}
