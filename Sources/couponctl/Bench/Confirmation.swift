internal import CouponClient
internal import CouponCore
internal import CouponWire

/// Checks that each user that got a sequence has a row with that sequence.
struct Confirmation: LoadScript {
    private let coupon: CouponID
    private let answered: [AnsweredUser]

    /// Users without a row, or with another sequence.
    private(set) var wrong: [AnsweredUser] = []
    /// Users whose status could not be read; it may be read again.
    private(set) var open: [AnsweredUser] = []
    /// How many rows have the sequence of the answer.
    private(set) var confirmed = 0

    init(coupon: CouponID, answered: [AnsweredUser]) {
        self.coupon = coupon
        self.answered = answered
    }

    var count: Int { answered.count }

    func question(_ number: Int) -> Request.Method {
        .couponStatus(coupon: coupon, user: answered[number].user)
    }

    mutating func record(
        _ number: Int, _ answer: Result<Response.Result, ClientError>, asked: UInt64, now: UInt64
    ) {
        guard case .success(.couponStatus(let status)) = answer else {
            open.append(answered[number])
            return
        }
        if case .issued(answered[number].sequence, _) = status.user {
            confirmed += 1
        } else {
            wrong.append(answered[number])
        }
    }

    /// Asks for all of them, and again for those without an answer, as often as `rounds` says.
    /// - Returns: How many are confirmed.
    static func count(
        of answered: [AnsweredUser], coupon: CouponID, fleet: Fleet, pace: Pace, rounds: Int
    ) async throws -> Int {
        var confirmed = 0
        var open = answered
        for _ in 0..<rounds where !open.isEmpty {
            let progress = Progress("rows", total: open.count)
            async let _ = progress.show()
            let parts = try await fleet.run(
                Confirmation(coupon: coupon, answered: open), pace: pace, progress: progress)
            confirmed += parts.map(\.confirmed).reduce(0, +)
            open = parts.flatMap(\.open)
        }
        return confirmed
    }
}
