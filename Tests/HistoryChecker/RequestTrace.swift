/// One request from its first try to its row: where calls and tables are joined.
internal import CouponCore

/// What a request is known by.
struct RequestName: Hashable {
    let coupon: CouponID
    let user: UserID
    let requestID: RequestID
}

/// A user's wish for a coupon.
struct Wish: Hashable {
    let coupon: CouponID
    let user: UserID
}

/// All calls of one request, and what the tables say of it.
struct Story {
    let name: RequestName
    /// In the order in which they ended.
    let calls: [Call]
    /// The user's row for this coupon, whatever the request.
    let issue: Tables.RequestRow?
    /// Rejections and dead letters of this user and coupon.
    let rejections: [Tables.RequestRow]

    /// The row, if it is this very request's.
    var ownIssue: Tables.RequestRow? { issue?.requestID == name.requestID ? issue : nil }

    /// From the first word sent to the last one heard.
    var span: Interval {
        Interval(
            from: calls.map(\.sent).min() ?? .zero, to: calls.map(\.ended).max() ?? .zero)
    }

    /// Whether the tables still know of this acceptance.
    func isKept(_ sequence: Int64) -> Bool {
        issue?.sequence == sequence || rejections.contains { $0.sequence == sequence }
    }
}

/// Calls and rows joined.
struct Join {
    let stories: [Story]
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
        stories = calls.map { name, calls in
            let wish = Wish(coupon: name.coupon, user: name.user)
            let rows = issues[wish] ?? []
            return Story(
                name: name, calls: calls.sorted { $0.ended < $1.ended },
                issue: rows.first { $0.requestID == name.requestID } ?? rows.first,
                rejections: rejections[wish] ?? [])
        }.sorted { $0.span.from < $1.span.from }
        self.issues = issues
        self.rejections = rejections
    }
}
