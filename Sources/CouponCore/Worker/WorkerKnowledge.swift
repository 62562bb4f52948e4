/// What a worker knows without asking: PostgreSQL's rows, which gates are open and what they said of coupons.
///
/// Rows, answers and events each say something to the book and to the front door: here they hear it together.
final class WorkerKnowledge {
    private(set) var book: PartitionBook
    private(set) var frontDoor: FrontDoor
    private var awaited = AwaitedEpochs()
    private var silences = Silences()

    init(partitioning: Partitioning, routes: GateRoutes, seed: UInt64, now: MonotonicTime) {
        book = PartitionBook(partitioning: partitioning)
        frontDoor = FrontDoor(partitioning: partitioning, seed: seed, now: now)
        use(routes)
    }

    /// Follows the nodes of Redis.
    func use(_ routes: GateRoutes) {
        frontDoor.route(routes.places, gateCount: routes.ways.count)
    }

    /// The front door decides about a request.
    func judge(
        _ coupon: CouponID, attempt: UInt32, now: MonotonicTime
    ) -> FrontDoor.Judgement {
        frontDoor.judge(coupon, attempt: attempt, now: now)
    }
}

// MARK: The gate

extension WorkerKnowledge {
    /// A gate has answered a call: it is open, and its clock and tail are known.
    func receive(_ reply: GateReply, to asked: AskedCalls.Asked, now: MonotonicTime) {
        frontDoor.see(reply.now, of: asked.partition, askedAt: asked.at, now: now)
        book.seeOpen(reply.epoch, in: asked.partition)
        book.see(Position(epoch: reply.epoch, n: reply.tail), in: asked.partition)
    }

    /// What the answer says of a coupon.
    func apply(
        _ judgement: GateJudgement, of coupon: CouponID, epoch: Epoch,
        to asked: AskedCalls.Asked, now: MonotonicTime
    ) {
        frontDoor.apply(
            judgement, of: coupon, epoch: epoch, askedUnder: asked.generation, now: now)
    }

    /// A gate shows a later epoch than PostgreSQL's row (rule 15).
    func awaitRow(of partition: PartitionID, _ epoch: Epoch) { awaited.add(epoch, of: partition) }

    /// Whether the partition's row is to be read before its gate is asked again.
    func isAwaitingRow(of partition: PartitionID) -> Bool { awaited.contains(partition) }
}

// MARK: Events

extension WorkerKnowledge {
    /// Their subscription is active.
    /// - Parameter partition: nil for all.
    func subscriptionUp(of partition: PartitionID?) {
        silences.end(partition)
        if let partition {
            frontDoor.subscriptionUp(of: partition)
        } else {
            frontDoor.subscriptionUp()
        }
    }

    /// Their subscription is broken.
    /// - Parameter partition: nil for all.
    func subscriptionDown(of partition: PartitionID?, _ reason: String, now: MonotonicTime) {
        silences.begin(partition, reason)
        if let partition {
            frontDoor.subscriptionDown(of: partition, now: now)
        } else {
            frontDoor.subscriptionDown(now: now)
        }
    }

    /// An event comes from an open gate.
    func receive(_ event: CompletionEvent, now: MonotonicTime) {
        frontDoor.receive(event, now: now)
        book.seeOpen(event.epoch, in: event.partition)
        book.see(event.to, in: event.partition)
    }

    /// Why events do not come; nil if all do.
    var whyNoEvents: String? { silences.reason }
}

// MARK: PostgreSQL

extension WorkerKnowledge {
    /// A row of PostgreSQL.
    /// - Returns: whether PostgreSQL has gone back, as far as rows show it.
    func apply(_ row: PartitionRow) -> Bool {
        let hasGoneBack = book.apply(row)
        if hasGoneBack {
            frontDoor.restart(row.id, epoch: row.epoch)
        } else {
            frontDoor.raise(row.id, to: row.epoch)
        }
        return hasGoneBack
    }

    /// The rows have been read: nothing waits for them any more.
    /// - Returns: the partitions whose row still has an earlier epoch than their gate.
    func endAwaitingRows() -> Set<PartitionID> { awaited.end(rows: book) }

    /// The coupon is finished and not at the gate.
    func apply(_ reason: DoorReason, of missing: Lookups.Missing, now: MonotonicTime) {
        frontDoor.apply(reason, of: missing, now: now)
    }

    /// There is no such coupon.
    func applyAbsence(of coupon: CouponID, now: MonotonicTime) {
        frontDoor.applyAbsence(of: coupon, now: now)
    }

    /// The coupon was created or changed through this daemon.
    func forget(_ coupon: CouponID) { frontDoor.forget(coupon) }

    /// Forgets a coupon whose mark is behind what the gate said a while ago.
    /// - Returns: whether it was behind.
    func forget(_ coupon: CouponID, ifBehind standing: GateStanding) -> Bool {
        frontDoor.forget(coupon, ifBehind: standing)
    }

    /// Forgets all marks.
    func forgetAll() { frontDoor.forgetAll() }
}
