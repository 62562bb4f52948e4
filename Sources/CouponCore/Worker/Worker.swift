/// Judges issue requests: front door, gate, wait. Each event loop has its own worker, so a request needs no
/// lock. It does no I/O itself: the gate is a port, and its host answers.
///
/// Each part of its state is an object whose own file alone writes its fields. The extensions of the worker
/// call its methods, and write nothing.
public final class Worker {
    let options: WorkerOptions
    unowned let host: any WorkerHost

    let known: WorkerKnowledge
    let tickets = Tickets()
    let batches: CouponBatches
    let lookups = Lookups()
    let recalls = Recalls()
    let fillings = Fillings()
    let ways: GateWays
    let confirmations = Confirmations()
    let waiters: Waiters
    let meter: RequestMeter
    private var deadlines: DeadlineWheel
    /// Requests that were refused at the front door.
    public private(set) var bounced = 0
    /// Marks that were older than the gate: an event was missed.
    public private(set) var marksMissed = 0
    /// New requests are refused; accepted ones are answered.
    public private(set) var isDraining = false

    /// - Parameters:
    ///   - routes: this worker's gates; the host makes the worker their delegate, and that of the replicas'
    ///     links.
    ///   - host: outlives the worker.
    public init(routes: GateRoutes, host: any WorkerHost, options: WorkerOptions) {
        ways = GateWays(routes)
        self.host = host
        self.options = options
        meter = RequestMeter(options.reporting)
        let now = options.clocks.now()
        known = WorkerKnowledge(
            partitioning: options.partitioning, routes: routes, seed: options.seed, now: now)
        batches = CouponBatches(partitioning: options.partitioning)
        waiters = Waiters(partitioning: options.partitioning)
        deadlines = DeadlineWheel(
            spanMilliseconds: Int64(Limits.defaultDeadlineMilliseconds), now: now)
    }

    /// One gate serves everything.
    public convenience init(
        gate: any Gate, replicas: (any ReplicaLink)? = nil, host: any WorkerHost,
        options: WorkerOptions
    ) {
        self.init(
            routes: GateRoutes(gate: gate, replicas: replicas, options.partitioning), host: host,
            options: options)
    }

    /// Which requests are reported.
    public var reporting: RequestReporting {
        get { meter.reporting }
        set { meter.use(newValue) }
    }

    /// How long requests took.
    package var times: WorkerTimes { meter.times }

    /// What is remembered of coupons.
    package var frontDoor: FrontDoor { known.frontDoor }

    /// Requests in flight.
    public var requestsInFlight: Int { tickets.count }

    /// The front door's answer to a request for a coupon; nil if the gate must be asked.
    public func bounce(_ coupon: CouponID, attempt: UInt32) -> Outcome? {
        switch known.judge(coupon, attempt: attempt, now: options.clocks.now()) {
        case .ask:
            return nil
        case .bounce(let outcome):
            bounced += 1
            return outcome
        case .bounceAndRefresh(let outcome):
            bounced += 1
            batches.refresh(coupon)
            host.schedulePump()
            return outcome
        }
    }

    /// Receives an issue request; its answer comes through the host, perhaps before this returns.
    /// - Parameter deadlineMilliseconds: nil if the caller names none.
    public func submit(_ request: IssueRequest, deadlineMilliseconds: UInt32?, caller: Caller) {
        if let outcome = bounce(request.coupon, attempt: request.attempt) {
            host.answer(caller, outcome)
        } else {
            enqueue(request, deadlineMilliseconds: deadlineMilliseconds, caller: caller)
        }
    }

    /// Queues an issue request that has not bounced for the gate.
    public func enqueue(_ issue: IssueRequest, deadlineMilliseconds: UInt32?, caller: Caller) {
        let now = options.clocks.now()
        let waitsForIssue = issue.waitFor == .issued
        if let failure = refusal(waitsForIssue: waitsForIssue, issue.coupon) {
            host.fail(caller, failure)
            return
        }
        let milliseconds = min(
            deadlineMilliseconds ?? Limits.defaultDeadlineMilliseconds,
            Limits.maximumDeadlineMilliseconds)
        let deadline = now.advanced(byMilliseconds: Int64(milliseconds))
        let request = GateRequest(
            user: issue.user, requestID: issue.requestID.isEmpty ? .random() : issue.requestID,
            notAfter: gateTime(
                of: deadline, in: options.partitioning.partition(of: issue.coupon), now: now))
        let ticket = tickets.add(
            Ticket(
                caller: caller, coupon: issue.coupon, request: request, attempt: issue.attempt,
                waitsForIssue: waitsForIssue, deadline: deadline,
                times: TicketTimes(received: now)))
        deadlines.add(ticket, deadline: deadline)
        batches.append(ticket, for: issue.coupon)
        host.schedulePump()
    }

    /// Why a request cannot be accepted now; nil if it can.
    private func refusal(waitsForIssue: Bool, _ coupon: CouponID) -> Failure? {
        if isDraining { return .draining }
        if tickets.count >= Limits.requestsInFlightPerWorker {
            return .exhausted("too many requests are in flight")
        }
        if waitsForIssue && tickets.waiting >= Limits.waitersPerWorker {
            return .exhausted("too many callers wait for ISSUED")
        }
        if batches.count(of: coupon) >= Limits.requestsPendingPerCoupon {
            return .exhausted("too many requests for this coupon wait for the gate")
        }
        return nil
    }

    /// A deadline on the clock of a partition's gate.
    func gateTime(
        of deadline: MonotonicTime, in partition: PartitionID, now: MonotonicTime
    ) -> Timestamp {
        (known.frontDoor.gateNow(of: partition, now) ?? options.clocks.wallNow())
            .advanced(byMilliseconds: deadline.milliseconds(since: now))
    }

    /// Ends the requests whose deadline has passed; called every few milliseconds (promise 9).
    public func expire() {
        let now = options.clocks.now()
        for number in deadlines.advance(now: now) {
            guard let ticket = tickets[number] else { continue }
            guard ticket.deadline <= now else {
                deadlines.add(number, deadline: ticket.deadline)
                continue
            }
            _ = tickets.remove(number)
            if case .waiting = ticket.phase { waiters.countExpired() }
            measure(ticket, StatusCode.deadlineExceeded.name)
            host.fail(
                ticket.caller,
                Failure(
                    .deadlineExceeded, "the deadline passed before the answer was known",
                    acceptance: ticket.acceptance))
        }
        waiters.dropExpired(remaining: tickets.waiting) { tickets[$0] != nil }
        recalls.dropExpired(inFlight: tickets.count) { tickets[$0] != nil }
    }

    /// Refuses new requests from now on.
    public func drain() { isDraining = true }

    /// Fails all requests in flight: the daemon's time to drain is over.
    public func abandon() {
        for number in tickets.numbers {
            guard let ticket = tickets.remove(number) else { continue }
            host.fail(ticket.caller, .cutOff(acceptance: ticket.acceptance))
        }
    }

    /// What the front door remembers of a coupon.
    public func remembers(_ coupon: CouponID) -> (known: Bool, closed: Bool) {
        known.frontDoor.remembers(coupon)
    }

    /// Compares the marks with the state of the gate a second ago, and removes those that are older.
    public func audit(_ standings: [GateStanding]) {
        for standing in standings where known.forget(standing.coupon, ifBehind: standing) {
            marksMissed += 1
        }
    }

    /// Forgets all marks.
    public func forgetAll() { known.forgetAll() }

    /// The coupon was created or changed through this daemon.
    public func forget(_ coupon: CouponID) {
        known.forget(coupon)
        lookups.renew(coupon)
    }
}
