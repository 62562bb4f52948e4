/// The calls in flight, oldest first.
internal import DequeModule

struct AskedCalls {
    struct Asked {
        let coupon: CouponID
        let tickets: [UInt64]
        /// The subscription under which the question was asked (rule 38).
        let generation: Int
        /// When the call was sent.
        let at: MonotonicTime
    }

    private var calls: Deque<Asked> = []
    var count: Int { calls.count }
    /// How many are of one coupon.
    func count(of coupon: CouponID) -> Int { calls.count { $0.coupon == coupon } }
    mutating func append(_ asked: Asked) { calls.append(asked) }
    mutating func popFirst() -> Asked? { calls.popFirst() }
}
