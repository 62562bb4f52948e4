internal import CouponClient
internal import CouponCore
internal import CouponWire
internal import Histogram

/// A sale: every user asks for one coupon several times, each time with another request id, in a shuffled
/// order, so that a user's requests also race each other on different connections.
struct Sale: MergeableScript {
    /// In microseconds, up to two minutes, to three digits.
    static let emptyLatencies = Histogram<UInt64>(
        lowestDiscernibleValue: 1, highestTrackableValue: 120_000_000,
        numberOfSignificantValueDigits: .three)

    private let coupon: CouponID
    private let waitFor: WaitFor
    private let users: [Int32]
    /// Random for each run: a second run on the same coupon makes new requests instead of
    /// replaying the first.
    private let run = UInt64.random(in: 1...(.max))

    private(set) var tally = AnswerCounts()
    private(set) var latencies = Sale.emptyLatencies
    /// When the last acceptance was answered, in nanoseconds of the monotonic clock; 0 if there is
    /// none.
    private(set) var lastAccepted: UInt64 = 0

    /// - Parameters:
    ///   - users: how many, numbered from 1.
    ///   - asks: how often each asks.
    ///   - seed: of the order.
    init(coupon: CouponID, users: Int32, asks: Int, waitFor: WaitFor, seed: UInt64) {
        self.coupon = coupon
        self.waitFor = waitFor
        self.users = Self.order(users: users, asks: asks, seed: seed)
    }

    /// Each user `asks` times, shuffled by the seed.
    static func order(users: Int32, asks: Int, seed: UInt64) -> [Int32] {
        var order: [Int32] = []
        order.reserveCapacity(Int(users) * asks)
        for _ in 0..<asks { order += 1...users }
        var random = SplitMix64(seed: seed)
        order.shuffle(using: &random)
        return order
    }

    var count: Int { users.count }

    func question(_ number: Int) -> Request.Method {
        .issue(
            IssueRequest(
                coupon: coupon, user: user(number),
                requestID: RequestID(high: run, low: UInt64(number), length: 16), waitFor: waitFor))
    }

    mutating func record(
        _ number: Int, _ answer: Result<Response.Result, ClientError>, asked: UInt64, now: UInt64
    ) {
        let acceptedBefore = tally.accepted.count
        tally.record(answer, user: user(number))
        if tally.accepted.count > acceptedBefore { lastAccepted = now }
        latencies.record((now - asked) / 1000)
    }

    private func user(_ number: Int) -> UserID { UserID(Int64(users[number])) }

    /// Adds another loop's answers.
    mutating func merge(_ other: Sale) {
        tally.merge(other.tally)
        latencies.add(other.latencies)
        lastAccepted = max(lastAccepted, other.lastAccepted)
    }
}
