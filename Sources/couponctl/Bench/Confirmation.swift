internal import CouponClient
internal import CouponCore
internal import CouponWire

/// Asks for every user who was told a sequence whether the row is there, under that very sequence.
struct Confirmation: LoadScript {
    private let coupon: CouponID
    private let told: [Told]

    /// Users who are not issued, or under another sequence.
    private(set) var wrong: [Told] = []
    /// Users whose status was not to be had; they may be asked for again.
    private(set) var open: [Told] = []
    /// How many are as they were told.
    private(set) var confirmed = 0

    init(coupon: CouponID, told: [Told]) {
        self.coupon = coupon
        self.told = told
    }

    var count: Int { told.count }

    func question(_ number: Int) -> Request.Method {
        .couponStatus(coupon: coupon, user: told[number].user)
    }

    mutating func record(
        _ number: Int, _ answer: Result<Response.Result, ClientError>, asked: UInt64, now: UInt64
    ) {
        guard case .success(.couponStatus(let status)) = answer else {
            open.append(told[number])
            return
        }
        if case .issued(told[number].sequence, _) = status.user {
            confirmed += 1
        } else {
            wrong.append(told[number])
        }
    }

    /// Asks for all of them, and again for those without an answer, as often as `rounds` says.
    /// - Returns: How many are confirmed.
    static func count(
        of told: [Told], coupon: CouponID, fleet: Fleet, pace: Pace, rounds: Int
    ) async throws -> Int {
        var confirmed = 0
        var open = told
        for _ in 0..<rounds where !open.isEmpty {
            let progress = Progress("rows", total: open.count)
            async let _ = progress.show()
            let parts = try await fleet.run(
                Confirmation(coupon: coupon, told: open), pace: pace, progress: progress)
            confirmed += parts.map(\.confirmed).reduce(0, +)
            open = parts.flatMap(\.open)
        }
        return confirmed
    }
}
