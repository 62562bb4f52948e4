/// Requests whose users PostgreSQL is asked about, and coupons that are finished (rules 41 and 53).
extension Worker {
    /// The coupon can no longer be issued. First attempts get that answer, and later ones get it at the
    /// front door. The user of a later attempt may have the coupon, so PostgreSQL is asked. A later attempt
    /// that came during the lookup is for the gate first: since the lookup began another daemon may have
    /// loaded the coupon and accepted the request, and PostgreSQL knows nothing of it until it is issued.
    func finish(_ missing: Lookups.Missing, _ reason: DoorReason) {
        let coupon = missing.coupon
        known.apply(reason, of: missing, now: options.clocks.now())
        var unasked: [UInt64] = []
        for number in batches.removeAll(of: coupon) {
            guard let ticket = tickets[number] else { continue }
            if ticket.attempt == 0 && !ticket.mayBeAccepted {
                answer(number, reason.outcome)
            } else if !ticket.isMissed {
                unasked.append(number)
            } else {
                recalls.add(
                    .init(
                        ticket: number,
                        user: CouponUser(user: ticket.request.user, coupon: coupon),
                        otherwise: .answer(reason.outcome)))
            }
        }
        batches.endLoad(of: coupon)
        for number in unasked { batches.append(number, for: coupon) }
        if !unasked.isEmpty { host.schedulePump() }
        askRecalls()
    }

    /// Answers the requests of the last question, or asks the gate about them.
    /// - Parameter result: what PostgreSQL has of each user, in order.
    public func didRecall(_ result: Result<[UserStanding?], Failure>) {
        let asked = recalls.end()
        switch result {
        case .success(let standings):
            for (recall, standing) in zip(asked, standings) { answerRecall(recall, standing) }
        case .failure(let failure):
            for recall in asked { failUnjudged(recall.ticket, failure) }
        }
        askRecalls()
    }

    private func answerRecall(_ recall: Recalls.Recall, _ standing: UserStanding?) {
        guard let ticket = tickets[recall.ticket] else { return }
        let known = standing?.outcome(
            for: ticket.request.requestID, waitsForIssue: ticket.waitsForIssue)
        if let known { return answer(recall.ticket, known) }
        switch recall.otherwise {
        case .answer(let outcome): answer(recall.ticket, outcome)
        case .ask(let clearing):
            tickets.clear(recall.ticket, clearing)
            batches.append(recall.ticket, for: ticket.coupon)
            host.schedulePump()
        }
    }

    func askRecalls() {
        let users = recalls.begin { tickets[$0] != nil }
        if !users.isEmpty { host.recall(users) }
    }
}
