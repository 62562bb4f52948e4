/// What a worker learns besides the gate's answers: events, PostgreSQL's partitions, loads, decisions.
extension Worker {
    /// Applies a signal of the event subscription.
    public func receive(_ signal: EventSignal) {
        switch signal {
        case .up:
            known.subscriptionUp(of: nil)
            for partition in options.partitioning.all { loseTrack(of: partition) }
        case .down(let reason):
            known.subscriptionDown(of: nil, reason, now: options.clocks.now())
            for partition in options.partitioning.all { loseTrack(of: partition) }
        case .partitionUp(let partition):
            guard partition.rawValue < options.partitioning.count else { return }
            known.subscriptionUp(of: partition)
            loseTrack(of: partition)
        case .partitionDown(let partition, let reason):
            guard partition.rawValue < options.partitioning.count else { return }
            known.subscriptionDown(of: partition, reason, now: options.clocks.now())
            loseTrack(of: partition)
        case .event(let event):
            receive(event)
        }
    }

    private func receive(_ event: CompletionEvent) {
        guard event.partition.rawValue < options.partitioning.count else { return }
        known.receive(event, now: options.clocks.now())
        if event.epoch > known.book.epoch(of: event.partition) { host.refreshPartitions() }
        answerWaiters(waiters.receive(event))
        askQuestions(event.partition)
    }

    private func loseTrack(of partition: PartitionID) {
        waiters.loseTrack(of: partition)
        askQuestions(partition)
    }

    /// Applies PostgreSQL's partitions; nil if they could not be read. Called each second, and on request.
    public func apply(rows: [PartitionRow]?) {
        for row in rows ?? [] where known.apply(row) { waiters.restart(row.id) }
        verifyGates()
        wakeBatches()
        host.schedulePump()
        for partition in options.partitioning.all {
            waiters.askAgain(in: partition)
            askQuestions(partition)
        }
    }

    /// Asks a gate's Redis who it is, if a row names another one: Redis may have been replaced without a
    /// break of the connection.
    private func verifyGates() {
        var doubtful = Array(repeating: false, count: ways.count)
        for partition in options.partitioning.all {
            guard let place = ways.place(of: partition), !doubtful[place],
                let identity = ways[place].gate.identity
            else { continue }
            doubtful[place] = !known.book.isServed(partition, by: identity)
        }
        for place in ways.indices where doubtful[place] { ways[place].gate.verify() }
    }

    /// Fails requests that wait for a later epoch than PostgreSQL has (rule 15), and sends the others again.
    private func wakeBatches() {
        let missing = known.endAwaitingRows()
        for coupon in batches.coupons {
            if missing.contains(options.partitioning.partition(of: coupon)) {
                refuse(coupon, "the gate is being rebuilt")
            } else {
                batches.makeReady(coupon)
            }
        }
    }

    /// A load has ended, or the coupon takes requests.
    public func didLoad(_ coupon: CouponID, _ outcome: LoadOutcome) {
        fillings.remove(coupon)
        // Requests for a coupon that is filling do not wait for its load.
        guard batches.isLoading(coupon) else { return }
        switch outcome {
        case .loaded:
            break
        case .absent:
            known.applyAbsence(of: coupon, now: options.clocks.now())
            for number in batches.removeAll(of: coupon) { answer(number, .notFound) }
        case .failed(let failure):
            for number in batches.removeAll(of: coupon) { failUnjudged(number, failure) }
        }
        batches.endLoad(of: coupon)
        host.schedulePump()
    }

    /// PostgreSQL's answer to the last questions of a partition; nil if it could not be asked.
    public func didDecide(_ decisions: Decisions?, in partition: PartitionID) {
        answerWaiters(waiters.apply(decisions, in: partition))
        askQuestions(partition)
    }

    func askQuestions(_ partition: PartitionID) {
        let questions = waiters.dequeueQuestions(of: partition)
        if !questions.isEmpty { host.decide(questions, in: partition) }
    }

    private func answerWaiters(_ answers: [WaitList.Answer]) {
        for answer in answers {
            if let outcome = answer.outcome {
                self.answer(answer.ticket, outcome)
            } else if let ticket = tickets.remove(answer.ticket) {
                measure(ticket, StatusCode.unavailable.name)
                host.fail(
                    ticket.caller, .unavailable("Redis lost the accepted request: ask again"))
            }
        }
    }
}
