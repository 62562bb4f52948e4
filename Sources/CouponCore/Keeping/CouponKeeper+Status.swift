/// The status of coupons and users (rule 37): gate and PostgreSQL are asked at the same time, and
/// PostgreSQL's row wins. If its answer is older than what the gate has settled, it is asked again.
///
/// One round trip to each answers any number of questions.
extension CouponKeeper {
    /// The status of a coupon, and of one of its users if one is named.
    public func status(of coupon: CouponID, user: UserID?) throws(Failure) -> CouponStatus {
        let statuses = statuses([StatusQuestion(coupon: coupon, user: user)])
        guard let status = statuses.first else { throw .noCoupon(coupon) }
        return try status.get()
    }

    /// The answers to many questions, in order.
    public func statuses(_ questions: [StatusQuestion]) -> [Result<CouponStatus, Failure>] {
        guard !questions.isEmpty else { return [] }
        var views: [Result<GateInspection, Failure>] = []
        do throws(BackendError) {
            var rows = try store.statusRows(questions, partitioning) {
                views = answers(gates.inspect(questions, partitioning))
            }
            try renew(&rows, questions, views)
            statusesAtOnce = min(statusesAtOnce + statusesAtOnce / 8 + 1, Limits.statusesPerBatch)
            return questions.indices.map { number in
                Result { () throws(BackendError) in
                    try status(questions[number], number, rows, views[number])
                }.mapError(failure)
            }
        } catch {
            if case .postgres(.tooSlow) = error { statusesAtOnce = max(1, questions.count / 2) }
            let failure = failure(error)
            return questions.map { _ in .failure(failure) }
        }
    }

    /// Asks PostgreSQL again where a gate has settled more than PostgreSQL's answer says, so that a request
    /// that was decided in between is not overlooked.
    private func renew(
        _ rows: inout StatusRows, _ questions: [StatusQuestion],
        _ views: [Result<GateInspection, Failure>]
    ) throws(BackendError) {
        let late = questions.indices.filter { number in
            guard case .success(let view) = views[number],
                let row = rows.partitions[partitioning.partition(of: questions[number].coupon)]
            else { return false }
            return (row.epoch, row.cursor) < (view.epoch, view.settled)
        }
        if late.isEmpty { return }
        let newer = try store.statusRows(late.map { questions[$0] }, partitioning) {}
        rows.coupons.merge(newer.coupons) { _, newer in newer }
        rows.partitions.merge(newer.partitions) { _, newer in newer }
        for (number, standing) in zip(late, newer.standings) { rows.standings[number] = standing }
    }

    /// Turns errors of gates into those that callers read. If many inspections failed with one error, the log
    /// gets it once.
    private func answers(
        _ inspections: [Result<GateInspection, BackendError>]
    ) -> [Result<GateInspection, Failure>] {
        var last: (error: BackendError, failure: Failure)?
        return inspections.map { inspection in
            inspection.mapError { error in
                if let last, last.error == error { return last.failure }
                let failure = failure(error)
                last = (error, failure)
                return failure
            }
        }
    }

    private func status(
        _ question: StatusQuestion, _ number: Int, _ rows: StatusRows,
        _ inspection: Result<GateInspection, Failure>
    ) throws(BackendError) -> CouponStatus {
        let coupon = try rows.coupons[question.coupon]?.get()
        guard let coupon else { throw .answer(.noCoupon(question.coupon)) }
        let inspected = try? inspection.get()
        let view = inspected?.status == .open ? inspected : nil
        let partition = partitioning.partition(of: question.coupon)
        var user = UserStatus.none
        if question.user != nil {
            let standing = try rows.standings[number].get()
            user = UserStatus(standing, view)
            guard user != .none || Self.isKnown(view, rows.partitions[partition]) else {
                throw .answer(gateFailure(inspection))
            }
        }
        return CouponStatus(
            coupon: coupon,
            accepted: max(
                coupon.lastSequence, view?.record.map { $0.nextSequence - 1 } ?? 0),
            queued: view?.record?.queued ?? 0, user: user,
            place: view.flatMap { place(of: user, in: $0, partition) })
    }

    private func gateFailure(_ inspection: Result<GateInspection, Failure>) -> Failure {
        if case .failure(let failure) = inspection { return failure }
        return .gateNotOpen
    }

    /// How many requests are before a queued one. While the gate is open, a coupon's sequences have no gap
    /// and its requests are decided in their order.
    func place(
        of user: UserStatus, in view: GateInspection, _ partition: PartitionID
    ) -> QueuePlace? {
        guard case .queued(let sequence) = user, let record = view.record, let holder = view.holder
        else { return nil }
        let firstQueued = record.nextSequence - record.queued
        return QueuePlace(
            ahead: min(max(0, sequence - firstQueued), max(0, record.queued - 1)),
            milliseconds: waitingTime(holder.position, partition, view.settled, view.now))
    }

    /// Whether PostgreSQL knows the gate. Only such a gate may say that a user has nothing: a Redis that went
    /// back has forgotten users that it accepted.
    static func isKnown(_ view: GateInspection?, _ row: PartitionRow?) -> Bool {
        guard let view, let row else { return false }
        return view.epoch == row.epoch && view.identity == row.identity
    }
}
