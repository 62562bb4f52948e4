// What a call of the gate script asks.

/// One request as the gate judges it.
public struct GateRequest: Hashable, Sendable {
    /// Who asks.
    public let user: UserID
    /// The request's id; never empty here.
    public let requestID: RequestID
    /// After this moment of the gate's clock the gate refuses it (rule 12).
    public let notAfter: Timestamp

    /// A request for the gate.
    public init(user: UserID, requestID: RequestID, notAfter: Timestamp) {
        self.user = user
        self.requestID = requestID
        self.notAfter = notAfter
    }
}

/// What a call asks of one coupon. Without requests it only asks for the coupon's state.
public struct GateQuestion: Equatable, Sendable {
    /// The coupon.
    public let coupon: CouponID
    /// In the order in which they came.
    public let requests: [GateRequest]
    /// The `rev` with which the gate said that the coupon is filling, if PostgreSQL was asked about the users
    /// after that and has nothing of them; else 0 (rule 53).
    public let clearedAt: Int64

    /// A question to the gate.
    public init(coupon: CouponID, requests: [GateRequest], clearedAt: Int64 = 0) {
        self.coupon = coupon
        self.requests = requests
        self.clearedAt = clearedAt
    }
}

/// One call of the gate script: coupons of one partition, each with its requests.
public struct GateCall: Equatable, Sendable {
    /// The coupons' partition.
    public let partition: PartitionID
    /// The worker's number of the call; it is not sent. Answers come in the order of the calls, and this
    /// shows that they do.
    public let number: UInt64
    /// The place of the gate among the worker's routes; it is not sent.
    public let place: Int
    /// The partition's epoch, as far as the daemon knows.
    public let epoch: Epoch
    /// The Redis for which that epoch was raised: a Redis with another history must not judge.
    public let identity: RedisIdentity
    /// The highest n of that epoch that the daemon has seen; a gate whose tail is lower went back.
    public let floor: Int64
    /// Each coupon once; at most `Limits.couponsPerGateCall` coupons and `Limits.requestsPerGateCall`
    /// requests.
    public let questions: [GateQuestion]

    /// A call of the gate script.
    public init(
        partition: PartitionID, number: UInt64 = 0, place: Int = 0, epoch: Epoch,
        identity: RedisIdentity, floor: Int64, questions: [GateQuestion]
    ) {
        self.partition = partition
        self.number = number
        self.place = place
        self.epoch = epoch
        self.identity = identity
        self.floor = floor
        self.questions = questions
    }

    /// The same call without its requests: it only asks for the state of the coupons.
    public var withoutRequests: GateCall {
        GateCall(
            partition: partition, place: place, epoch: epoch, identity: identity, floor: floor,
            questions: questions.map { GateQuestion(coupon: $0.coupon, requests: []) })
    }
}
