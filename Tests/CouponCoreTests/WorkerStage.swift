/// A worker with a gate, a host and a clock that do only what a test says.
import CouponCore
import CoreTestKit
import Testing

let redis = RedisIdentity(runID: "run", replicationID: "history")
let sale = CouponID(5)

func name(_ number: UInt64) -> RequestID { RequestID(high: number, low: 0, length: 8) }

final class WorkerStage {
    let gate = FakeGate(identity: redis)
    let host = RecordingHost()
    let clock = VirtualClock()
    let worker: Worker
    let partitioning = Partitioning(count: 4)
    private var requests: UInt64 = 0

    /// - Parameters:
    ///   - epoch: nil if PostgreSQL was not read yet.
    ///   - replicas: two of them are waited for.
    ///   - slow: requests that take so many milliseconds are reported.
    ///   - sample: one in so many that succeed is reported.
    init(
        epoch: Epoch? = 1, seed: UInt64 = 1, replicas: FakeReplicas? = nil, slow: Int64? = nil,
        sample: Int? = nil
    ) {
        var options = WorkerOptions(
            partitioning: partitioning, replicas: replicas == nil ? 0 : 2, seed: seed,
            clocks: clock.clocks)
        options.reporting = RequestReporting(slowMilliseconds: slow, sampleEvery: sample)
        worker = Worker(gate: gate, replicas: replicas, host: host, options: options)
        replicas?.delegate = worker
        gate.delegate = worker
        guard let epoch else { return }
        read(epoch: epoch)
        worker.receive(.up)
        receive(from: Position(epoch: epoch, n: 0), to: Position(epoch: epoch, n: 0))
        host.isPumpScheduled = false
    }

    var partition: PartitionID { partitioning.partition(of: sale) }

    /// PostgreSQL's rows come.
    func read(epoch: Epoch, identity: RedisIdentity? = redis) {
        worker.apply(
            rows: partitioning.all.map {
                PartitionRow(
                    id: $0, epoch: epoch, cursor: .zero, identity: identity, installID: "i")
            })
    }

    /// Asks for a coupon. Returns the number under which its answer is recorded.
    @discardableResult
    func issue(
        _ coupon: CouponID = sale, user: Int64 = 1, requestID: RequestID? = nil,
        attempt: UInt32 = 0, waits: Bool = false, deadline: UInt32? = 1_000
    ) -> UInt64 {
        requests += 1
        worker.submit(
            IssueRequest(
                coupon: coupon, user: UserID(user), requestID: requestID ?? name(requests),
                waitFor: waits ? .issued : .accepted, attempt: attempt),
            deadlineMilliseconds: deadline,
            caller: Caller(connection: 1, request: requests))
        return requests
    }

    /// The turn of the loop ends.
    func endTurn() {
        guard host.isPumpScheduled else { return }
        host.isPumpScheduled = false
        worker.pump()
    }

    /// Ends turns until nothing more is sent. More than a few turns at one moment would be an endless loop.
    func rest(_ sourceLocation: SourceLocation = #_sourceLocation) {
        for _ in 0..<10 where host.isPumpScheduled { endTurn() }
        #expect(!host.isPumpScheduled, "the worker never rests", sourceLocation: sourceLocation)
    }

    /// Time passes; the deadlines are checked every 8 ms.
    func pass(milliseconds: Int64) {
        for _ in 0..<milliseconds / 8 {
            clock.advance(milliseconds: 8)
            worker.expire()
        }
    }

    /// How a request ended; nil while it has not.
    func end(_ request: UInt64) -> RecordingHost.End? {
        let ends = host.ends[request] ?? []
        #expect(ends.count < 2, "answered twice: \(ends)")
        return ends.first
    }

    func outcome(_ request: UInt64) -> Outcome? {
        if case .outcome(let outcome)? = end(request) { outcome } else { nil }
    }

    func failure(_ request: UInt64) -> Failure? {
        if case .failure(let failure)? = end(request) { failure } else { nil }
    }

    /// The gate judges the oldest call, and the turn ends.
    func reply(
        _ verdicts: [GateVerdict], door: Door = .open, rev: Int64 = 1, epoch: Epoch = 1,
        tail: Int64 = 1, now: Timestamp? = nil, settled: Position = .zero
    ) {
        answer(
            .reply(
                GateReply(
                    epoch: epoch, rev: rev, version: 1, now: now ?? clock.wallNow, door: door,
                    settled: settled, tail: tail, verdicts: verdicts)))
    }

    /// The oldest call ends with this answer, and the turn ends.
    func answer(_ answer: GateAnswer) {
        #expect(gate.answer { _ in answer }, "no call is in flight")
        endTurn()
    }

    /// The gate does not hold the coupon of the oldest call, and the turn ends.
    func miss(rev: Int64 = 0) { answer(.notLoaded(rev: rev, now: clock.wallNow)) }

    /// PostgreSQL has these of the coupons that it was asked for, open to everybody.
    func find(_ coupons: CouponID...) { find(coupons.map { .sample($0) }) }

    /// PostgreSQL has these of the coupons that it was asked for.
    func find(_ coupons: [Coupon]) {
        worker.didLookUp(.success(Dictionary(uniqueKeysWithValues: coupons.map { ($0.id, $0) })))
    }

    func receive(
        from: Position, to: Position, resolve: Bool = false,
        coupons: [CompletionEvent.CouponStanding] = [],
        rejections: [CompletionEvent.RejectedRequest] = []
    ) {
        worker.receive(
            .event(
                CompletionEvent(
                    partition: partition, epoch: to.epoch, from: from, to: to,
                    publishedAt: clock.wallNow, issuedAt: clock.wallNow, resolve: resolve,
                    coupons: coupons,
                    rejections: rejections)))
    }

    func receive(open epoch: Epoch, in partition: PartitionID) {
        worker.receive(.event(.heartbeat(partition, epoch, at: clock.wallNow)))
    }
}

extension CompletionEvent {
    /// The heartbeat of a partition's owner, before anything is settled in the epoch.
    static func heartbeat(
        _ partition: PartitionID, _ epoch: Epoch, at time: Timestamp
    ) -> CompletionEvent {
        let settled = Position(epoch: epoch, n: 0)
        return CompletionEvent(
            partition: partition, epoch: epoch, from: settled, to: settled, publishedAt: time,
            resolve: false, coupons: [], rejections: [])
    }
}

extension Coupon {
    /// A coupon with an open window.
    static func sample(
        _ id: CouponID = sale, total: Int64? = nil, state: CouponState = .active, issued: Int64 = 0,
        opens: Timestamp = .zero, closes: Timestamp = Timestamp(microseconds: .max)
    ) -> Coupon {
        Coupon(
            id: id, title: "t", total: total, window: Window(opens: opens, closes: closes),
            state: state, issued: issued, lastSequence: issued)
    }
}
