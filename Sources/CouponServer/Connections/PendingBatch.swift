/// A batch that waits for its users' answers.
internal import CouponCore
internal import CouponWire

final class PendingBatch {
    /// What is asked about the users of a batch of statuses. Only a few of them are in the lane at a time.
    struct Questions {
        let coupon: CouponID
        let users: [UserID]
        let deadline: MonotonicTime
        fileprivate var next = 0

        init(_ coupon: CouponID, _ users: [UserID], deadline: MonotonicTime) {
            self.coupon = coupon
            self.users = users
            self.deadline = deadline
        }
    }

    /// Who gets the answer.
    let caller: Caller
    let share: SlowShare.Kind
    /// Of its users.
    let count: Int
    /// Users that are at the worker, or hold a place in the lane.
    private(set) var inFlight = 0
    /// Those of them that have no answer: `requestsInFlight` counts each of them.
    private(set) var atWork = 0
    private var left: Int
    private var questions: Questions?
    /// The ends of the requests; only of a batch of requests.
    private var ends: [Result<Outcome, Failure>?] = []
    /// The statuses of the users; only of a batch of statuses.
    private var users: [UserStatus] = []
    private var last: CouponStatus?
    private var failure: Failure?
    private(set) var isAnswered = false
    /// Whether it is answered, and nothing of it is in flight.
    var isOver: Bool { isAnswered && inFlight == 0 }
    /// Whether its coupon was looked up and does not exist.
    private(set) var isUnknown = false

    /// A batch of requests.
    init(of requests: Int, _ caller: Caller) {
        (self.caller, count, share) = (caller, requests, .batches)
        left = count
        ends = Array(repeating: nil, count: count)
    }

    /// A batch of statuses.
    init(_ questions: Questions, _ caller: Caller) {
        (self.caller, share) = (caller, .statusBatches)
        count = questions.users.count
        left = count
        users = Array(repeating: .none, count: count)
        self.questions = questions
    }

    /// A request of the batch goes to the worker, or a status to the lane.
    func begin() { (inFlight, atWork) = (inFlight + 1, atWork + 1) }

    /// Whether the status of a user is still to be asked for.
    var hasQuestion: Bool { questions.map { $0.next < $0.users.count } ?? false }

    /// The next status to ask for goes to the lane.
    func beginQuestion() -> (index: Int, question: StatusQuestion, deadline: MonotonicTime)? {
        guard hasQuestion, let asked = questions else { return nil }
        questions?.next += 1
        begin()
        let question = StatusQuestion(coupon: asked.coupon, user: asked.users[asked.next])
        return (asked.next, question, asked.deadline)
    }

    /// Until when users of it may wait for their turn; nil if none does.
    var waitsUntil: MonotonicTime? { hasQuestion ? questions?.deadline : nil }

    /// The whole batch fails: the other users' answers are not waited for.
    func fail(_ failure: Failure) {
        self.failure = failure
        questions = nil
    }

    /// A status of the batch has left the lane, perhaps long after its user was answered at the deadline.
    func leaveLane() { inFlight -= 1 }

    /// - Parameter index: of the user.
    func end(_ index: Int, _ result: Response.Result) {
        left -= 1
        atWork -= 1
        if share == .batches { inFlight -= 1 }
        switch result {
        case .issue(let outcome):
            ends[index] = .success(outcome)
            isUnknown = isUnknown || outcome == .notFound
        case .couponStatus(let status):
            users[index] = status.user
            last = status
        case .failure(let failure) where share == .batches: ends[index] = .failure(failure)
        case .failure(let failure):
            isUnknown = isUnknown || failure.code == .notFound
            fail(failure)
        default: break
        }
    }

    /// The answer to the batch, once: when all its users have theirs. A batch of statuses fails as a whole,
    /// and at once: it can be asked again.
    func dequeueAnswer() -> Response.Result? {
        guard !isAnswered, left == 0 || failure != nil else { return nil }
        isAnswered = true
        let lost = Failure(.internal, "internal: a user of the batch has no answer")
        if share == .batches { return .issueBatch(ends.map { $0 ?? .failure(lost) }) }
        guard failure == nil, let last else { return .failure(failure ?? lost) }
        return .couponStatusBatch(
            CouponStatusBatch(
                coupon: last.coupon, accepted: last.accepted, queued: last.queued, users: users))
    }
}
