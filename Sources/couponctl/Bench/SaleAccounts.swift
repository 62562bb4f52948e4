internal import CouponCore
internal import CouponWire

/// Compares the answers of a sale with the tables: every statement that must hold when a sale on a coupon of
/// its own is over and the queue is empty.
struct SaleAccounts {
    /// How many could be issued.
    let total: Int64
    /// How many users asked.
    let users: Int64
    /// How many requests were sent.
    let requests: Int
    /// The answers.
    let tally: AnswerCounts
    /// How many of the users that got a sequence have the row with that sequence.
    let confirmed: Int
    /// The figures of gate, queue and tables, after the sale.
    let audit: CouponAudit

    /// Every statement: answers, order, rows, caches.
    var checks: [Check] {
        answerChecks + orderChecks + rowChecks + cacheChecks + audit.judge.checks
    }

    /// How many must have the coupon at the end.
    private var winners: Int64 { min(total, users) }
    private var isSoldOut: Bool { users >= total }

    private var answerChecks: [Check] {
        [
            .equal("every request is answered", Int64(tally.count), Int64(requests)),
            .equal("no request ends in an error", Int64(tally.errorCount), 0),
            .equal(
                "all others get SOLD_OUT or DUPLICATE",
                Int64(tally.soldOut + tally.duplicates.count),
                Int64(requests - tally.accepted.count)),
            .equal("as many are accepted as possible", Int64(tally.accepted.count), winners),
        ]
    }

    private var orderChecks: [Check] {
        var sequences: [UserID: Int64] = [:]
        for answer in tally.accepted { sequences[answer.user] = answer.sequence }
        let inOrder = tally.accepted.map(\.sequence).sorted()
        let strangers = tally.duplicates.filter { sequences[$0.user] != $0.sequence }
        return [
            .equal(
                "no user is accepted twice", Int64(sequences.count), Int64(tally.accepted.count)),
            Check(
                rule: "the sequences are 1 to \(winners), without gap or repetition",
                figures:
                    "\(inOrder.first ?? 0)…\(inOrder.last ?? 0), \(Set(inOrder).count) different",
                holds: inOrder.elementsEqual(winners == 0 ? [] : Array(1...winners))),
            .equal("every DUPLICATE names the accepted sequence", Int64(strangers.count), 0),
        ]
    }

    private var rowChecks: [Check] {
        let accounts = audit.accounts
        return [
            .equal(
                "there are as many rows as were accepted", accounts.rows?.count ?? -1,
                Int64(tally.accepted.count)),
            .equal(
                "each accepted user has the row with the sequence of the answer",
                Int64(confirmed), Int64(tally.accepted.count)),
            .equal("no user was rejected", accounts.rejected + accounts.deadLettered, 0),
            .equal("the queue is empty", (audit.queueRequests ?? 0) + (audit.gate?.queued ?? 0), 0),
        ]
    }

    private var cacheChecks: [Check] {
        [
            Check(
                rule: isSoldOut ? "the gate says sold out" : "the gate does not say sold out",
                figures: "\(audit.gateSaysSoldOut)", holds: audit.gateSaysSoldOut == isSoldOut),
            .equal(
                isSoldOut
                    ? "every worker that remembers the coupon says closed"
                    : "no worker says closed",
                Int64(audit.workersClosed), Int64(isSoldOut ? audit.workers : 0)),
        ]
    }
}
