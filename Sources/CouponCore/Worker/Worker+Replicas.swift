/// Answers that wait for replicas (rule 37).
extension Worker: ReplicaDelegate {
    /// The ticket's answer needs replicas, if the worker waits for any. A committed issue needs none.
    func keepBack(_ number: UInt64, _ partition: PartitionID) {
        guard options.replicas > 0, let place = ways.place(of: partition),
            ways[place].replicas != nil, tickets[number] != nil
        else { return }
        tickets.keepBack(number)
        confirmations.keep(
            .init(ticket: number, identity: ways[place].gate.identity), at: place)
    }

    /// Answers at once, or as soon as enough replicas have the request.
    func answerConfirmed(_ number: UInt64, _ outcome: Outcome) {
        guard let ticket = tickets[number] else { return }
        if ticket.isConfirmed { answer(number, outcome) } else { confirmations.add(outcome) }
    }

    /// Asks a node's replicas about the gathered answers, unless a question is in flight.
    func askReplicas(at place: Int) {
        if confirmations.begin(at: place) { ways[place].replicas?.ask() }
    }

    /// Sends the answers whose requests are on enough replicas, and fails the others.
    public func replicas(_ link: any ReplicaLink, didAnswer answer: ReplicaAnswer?) {
        guard let place = ways.indices.first(where: { ways[$0].replicas === link }) else { return }
        for kept in confirmations.end(at: place) {
            let count = answer.map { $0.identity == kept.identity ? $0.count : 0 } ?? 0
            if count >= options.replicas {
                tickets.confirm(kept.ticket)
                if let outcome = kept.outcome { self.answer(kept.ticket, outcome) }
            } else if let outcome = kept.outcome {
                failUnconfirmed(kept.ticket, outcome, count)
            }
        }
        askReplicas(at: place)
    }

    /// Too few replicas in time: an accepted request stays accepted, but its caller reads "unknown".
    private func failUnconfirmed(_ number: UInt64, _ outcome: Outcome, _ count: Int) {
        let few = "only \(count) of \(options.replicas) replicas confirmed it: ask again"
        guard case .accepted(let sequence) = outcome else {
            return failUnjudged(number, .unavailable("already requested; \(few)"))
        }
        guard let ticket = tickets.remove(number) else { return }
        host.fail(
            ticket.caller,
            .unavailable("accepted with sequence \(sequence); \(few)", acceptance: .unknown))
    }
}
