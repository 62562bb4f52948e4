/// Prints calls, rows and histories.
public import CouponCore

extension Call.End {
    /// Such as `ACCEPTED 7`, `SOLD_OUT` or `UNAVAILABLE, unknown`.
    public var text: String {
        switch self {
        case .answered(.accepted(let sequence)): "ACCEPTED \(sequence)"
        case .answered(.issued(let sequence, _)): "ISSUED \(sequence)"
        case .answered(.duplicate(let sequence, let state)): "DUPLICATE \(sequence) (\(state))"
        case .answered(.soldOut): "SOLD_OUT"
        case .answered(.rejected(let sequence, let reason)): "REJECTED \(sequence) (\(reason))"
        case .answered(let outcome): "\(outcome)"
        case .failed(let status, let acceptance):
            "\(status?.name ?? "no answer"), \(acceptance.text)"
        }
    }
}

extension Acceptance {
    fileprivate var text: String {
        switch self {
        case .notAccepted: "not accepted"
        case .accepted(let sequence): "accepted \(sequence)"
        case .unknown: "unknown"
        }
    }
}

extension Tables.RequestRow {
    var text: String { "the row \(sequence) of request \(requestID.hex)" }
}

extension RequestID {
    /// In hexadecimal digits, as PostgreSQL's `encode` prints them.
    public var hex: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

extension History {
    /// Every call of these users for a coupon, in order. Times count from the first call of all.
    public func trace(of users: [UserID], _ coupon: CouponID?) -> [String] {
        let beginning = calls.map(\.sent).min() ?? .zero
        return calls.filter { users.contains($0.user) && $0.coupon == coupon ?? $0.coupon }
            .sorted { $0.sent < $1.sent }
            .map { call in
                let sent = call.sent.milliseconds(since: beginning)
                let ended = call.ended.milliseconds(since: beginning)
                return "\(sent)-\(ended) ms: user \(call.user.rawValue)"
                    + " coupon \(call.coupon.rawValue) request \(call.requestID.hex.prefix(8))"
                    + " try \(call.attempt)\(call.waitsForIssue ? ", waits" : "")"
                    + ", \(call.deadlineMilliseconds) ms, daemon \(call.daemon): \(call.end.text)"
            }
    }
}
