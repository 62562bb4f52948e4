internal import CouponClient
internal import CouponCore
internal import CouponWire
internal import Histogram

/// Asks for the status of every user of one coupon several times, in a shuffled order.
struct StatusQuestions: MergeableScript {
    private let coupon: CouponID
    private let users: [Int32]

    /// How many users had each status, by name.
    private(set) var statuses: [String: Int] = [:]
    /// Questions that ended in an error, by its text.
    private(set) var errors: [String: Int] = [:]
    private(set) var latencies = Sale.emptyLatencies

    /// - Parameters:
    ///   - users: how many, numbered from 1.
    ///   - asks: how often each is asked about.
    ///   - seed: of the order.
    init(coupon: CouponID, users: Int32, asks: Int, seed: UInt64) {
        self.coupon = coupon
        self.users = Sale.order(users: users, asks: asks, seed: seed)
    }

    var count: Int { users.count }

    func question(_ number: Int) -> Request.Method {
        .couponStatus(coupon: coupon, user: UserID(Int64(users[number])))
    }

    mutating func record(
        _ number: Int, _ answer: Result<Response.Result, ClientError>, asked: UInt64, now: UInt64
    ) {
        latencies.record((now - asked) / 1000)
        switch answer {
        case .success(.couponStatus(let status)): statuses[status.user.name, default: 0] += 1
        case .success: record(error: "the answer is for another method")
        case .failure(let error): record(error: error.description)
        }
    }

    private mutating func record(error text: String) {
        let isKept = errors[text] != nil || errors.count < AnswerCounts.distinctErrors
        errors[isKept ? text : "other errors", default: 0] += 1
    }

    /// Adds another loop's answers.
    mutating func merge(_ other: StatusQuestions) {
        statuses.merge(other.statuses, uniquingKeysWith: +)
        errors.merge(other.errors, uniquingKeysWith: +)
        latencies.add(other.latencies)
    }
}
