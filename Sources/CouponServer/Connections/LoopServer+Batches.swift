/// Batches: many users of one coupon in one request. Each user is a request of its own, to the worker and to
/// the lanes; the batch is answered when all of them are.
internal import CouponCore
internal import CouponWire
internal import NIOCore

/// A batch that waits for its users' answers.
final class PendingBatch {
    /// Who gets the answer.
    let caller: Caller
    let share: SlowShare.Kind
    let trace: TraceContext?
    private(set) var left: Int
    /// The ends of the requests; only of a batch of requests.
    private var ends: [Result<Outcome, Failure>?] = []
    /// The statuses of the users; only of a batch of statuses.
    private var users: [UserStatus] = []
    private var last: CouponStatus?
    private var failure: Failure?
    /// Whether its coupon was looked up and does not exist.
    private(set) var isUnknown = false

    /// - Parameter count: of its users.
    init(_ caller: Caller, _ share: SlowShare.Kind, trace: TraceContext?, count: Int) {
        self.caller = caller
        self.share = share
        self.trace = trace
        left = count
        if share == .batches {
            ends = Array(repeating: nil, count: count)
        } else {
            users = Array(repeating: .none, count: count)
        }
    }

    /// - Parameter index: of the user.
    func end(_ index: Int, _ result: Response.Result) {
        left -= 1
        switch result {
        case .issue(let outcome):
            ends[index] = .success(outcome)
            isUnknown = isUnknown || outcome == .notFound
        case .couponStatus(let status):
            users[index] = status.user
            last = status
        case .failure(let failure) where share == .batches: ends[index] = .failure(failure)
        case .failure(let failure):
            self.failure = failure
            isUnknown = isUnknown || failure.code == .notFound
        default: break
        }
    }

    /// The answer to the batch, once all its users have theirs. A status fails as a whole: it can be asked
    /// again.
    var answer: Response.Result {
        let lost = Failure(.internal, "internal: a user of the batch has no answer")
        if share == .batches { return .issueBatch(ends.map { $0 ?? .failure(lost) }) }
        guard failure == nil, let last else { return .failure(failure ?? lost) }
        return .couponStatusBatch(
            CouponStatusBatch(
                coupon: last.coupon, accepted: last.accepted, queued: last.queued, users: users))
    }
}

extension Caller {
    /// Marks the number of a batch. Numbers of connections are lower: a daemon has fewer than 2^31.
    private static let batchMark: UInt64 = 1 << 31

    /// A user of a batch.
    fileprivate init(batch: UInt64, index: Int) {
        self.init(connection: batch | Self.batchMark, request: UInt64(index))
    }

    /// Whether it is a user of a batch, and no connection.
    var isOfBatch: Bool { connection & Self.batchMark != 0 }
    var batch: UInt64 { connection & ~Self.batchMark }
}

extension LoopServer {
    /// Judges each request of a batch as if it had come alone.
    func issue(
        _ batch: IssueBatch, deadlineMilliseconds: UInt32?, trace: TraceContext?,
        _ caller: Caller, _ connection: ServerConnection
    ) {
        guard let number = add(.batches, trace, batch.items.count, caller, connection) else {
            return
        }
        for index in batch.items.indices {
            let issue = batch.request(index)
            let user = Caller(batch: number, index: index)
            if let refusal = limitPrincipal(of: issue, from: connection)
                ?? limitRate(of: issue, from: connection) ?? limit(issue, from: connection)
            {
                reply(user, .failure(refusal))
            } else {
                worker?.submit(issue, deadlineMilliseconds: deadlineMilliseconds, caller: user)
            }
        }
    }

    /// Looks up each user of a batch like a status of its own.
    func status(
        of coupon: CouponID, _ users: [UserID], deadlineMilliseconds: UInt32?,
        trace: TraceContext?, _ caller: Caller, _ connection: ServerConnection
    ) {
        let method = Request.Method.couponStatus(coupon: coupon, user: nil)
        if let refusal = limit(method, from: connection) {
            return reply(caller, .failure(refusal))
        }
        guard let number = add(.statusBatches, trace, users.count, caller, connection) else {
            return
        }
        let deadline = deadline(after: deadlineMilliseconds)
        for (index, user) in users.enumerated() {
            let user = StatusQuestion(coupon: coupon, user: user)
            let caller = Caller(batch: number, index: index)
            let call = pendingCalls.add(
                method.name, of: caller, trace: trace, now: clocks.now(), deadline: deadline)
            submit(user, deadline: deadline, call, of: caller, connection.presence)
        }
    }

    /// - Returns: the number of the batch; nil if the connection has too many, which was answered then.
    private func add(
        _ share: SlowShare.Kind, _ trace: TraceContext?, _ count: Int, _ caller: Caller,
        _ connection: ServerConnection
    ) -> UInt64? {
        guard connection.share.reserve(share) else {
            reply(
                caller,
                .failure(.exhausted("too many \(share.name) of this connection are unanswered")))
            return nil
        }
        return batches.add(PendingBatch(caller, share, trace: trace, count: count))
    }

    /// Keeps the answer of a user, and answers the batch if it was the last one.
    func gather(_ user: Caller, _ result: Response.Result) {
        guard let batch = batches[user.batch] else { return }
        batch.end(Int(user.request), result)
        guard batch.left == 0 else { return }
        _ = batches.remove(user.batch)
        let connection = connections[batch.caller.connection]
        connection?.share.release(batch.share)
        if batch.isUnknown { countUnknownCoupon(connection) }
        reply(batch.caller, batch.answer)
    }
}
