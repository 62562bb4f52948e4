/// The calls in flight, oldest first.
internal import DequeModule

struct AskedCalls {
    /// The requests of one coupon in a call.
    struct Question {
        let coupon: CouponID
        let tickets: [UInt64]
    }

    struct Asked {
        /// The call's number.
        let number: UInt64
        let partition: PartitionID
        let questions: [Question]
        /// The subscription under which the questions were asked (rule 38).
        let generation: Int
        /// When the call was sent.
        let at: MonotonicTime
        /// Another node serves the partition now, and the requests are asked there.
        var isAbandoned = false
    }

    private var calls: Deque<Asked> = []
    var count: Int { calls.count }

    /// Whether a call of a partition is in flight.
    func isAsking(_ partition: PartitionID) -> Bool {
        calls.contains { $0.partition == partition && !$0.isAbandoned }
    }

    /// How many ask about a coupon.
    func count(of coupon: CouponID, in partition: PartitionID) -> Int {
        calls.count { asked in
            asked.partition == partition && !asked.isAbandoned
                && asked.questions.contains { $0.coupon == coupon }
        }
    }

    mutating func append(_ asked: Asked) { calls.append(asked) }

    mutating func popFirst() -> Asked? { calls.popFirst() }

    /// The answers to the calls of a partition no longer count.
    /// - Returns: what they asked.
    mutating func abandon(_ partition: PartitionID) -> [Question] {
        var questions: [Question] = []
        for index in calls.indices
        where calls[index].partition == partition && !calls[index].isAbandoned {
            calls[index].isAbandoned = true
            questions += calls[index].questions
        }
        return questions
    }
}
