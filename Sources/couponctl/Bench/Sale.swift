internal import CouponClient
internal import CouponCore
internal import CouponWire
internal import Histogram

/// A sale: every user asks for one coupon several times, each time by another request id, in a
/// shuffled order, so that a user's requests also race each other on different connections.
struct Sale: LoadScript {
    /// In microseconds, up to two minutes, to three digits.
    static let emptyLatencies = Histogram<UInt64>(
        lowestDiscernibleValue: 1, highestTrackableValue: 120_000_000,
        numberOfSignificantValueDigits: .three)

    private let coupon: CouponID
    private let waitFor: WaitFor
    private let users: [Int32]
    /// Random for each run: a second run on the same coupon asks anew, it does not replay the
    /// first.
    private let run = UInt64.random(in: 1...(.max))

    private(set) var tally = AnswerCounts()
    private(set) var latencies = Sale.emptyLatencies
    /// When the last acceptance was told, in nanoseconds of the monotonic clock; 0 where there is
    /// none.
    private(set) var lastAccepted: UInt64 = 0

    /// - Parameters:
    ///   - users: so many, numbered from 1.
    ///   - asks: how often each asks.
    ///   - seed: of the order.
    init(coupon: CouponID, users: Int32, asks: Int, waitFor: WaitFor, seed: UInt64) {
        self.coupon = coupon
        self.waitFor = waitFor
        var order: [Int32] = []
        order.reserveCapacity(Int(users) * asks)
        for _ in 0..<asks { order += 1...users }
        var random = SeededRandom(seed: seed)
        order.shuffle(using: &random)
        self.users = order
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

/// SplitMix64: the same order for the same seed, on every machine.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
