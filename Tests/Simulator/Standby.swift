/// Plays in which PostgreSQL has a synchronous standby: it is away for a while, waits for it are cancelled,
/// and it takes the primary's place (rule 54). Admins change nothing in them: a change whose wait was
/// cancelled may reach a gate and be lost, which an auditor would find.
import CouponCore
import CoreTestKit

extension Play {
    /// Draws when the standby is away, and when the primary is lost.
    func planStandby() {
        guard hasStandby else { return }
        for _ in 1...line.random(1...2) {
            let begin = line.random(200_000...troubleEnds / 2)
            line.at(begin) { [self] in
                line.note("DISASTER", "the standby is away")
                postgres.isStandbyAway = true
            }
            line.at(begin + line.random(200_000...2_500_000)) { [self] in
                line.note("postgres", "the standby is back")
                postgres.isStandbyAway = false
            }
            guard line.chance(800) else { continue }
            line.at(begin + line.random(50_000...3_500_000)) { [self] in
                guard line.now < troubleEnds else { return }
                line.note("DISASTER", "the primary is lost, and its standby is promoted")
                postgres.promoteStandby(after: line.random(20_000...800_000))
            }
        }
    }
}

extension Witness {
    /// Whether the standby has what became of a request, if there is one. Otherwise both servers may lose it.
    func isOnStandby(_ accepted: AcceptedRequest) -> Bool {
        guard let there = play.postgres.replicated else { return true }
        let row = there.issues[accepted.coupon]?[accepted.user]
        return row?.requestID == accepted.requestID && row?.sequence == accepted.sequence
            || there.rejections.contains { $0.accepted == accepted }
    }

    /// A daemon reads what became of requests. A session from before a cancelled wait sees rows that the
    /// standby lacks (docs/SAFETY.md, "What is not covered").
    func didRead(_ questions: [AcceptedRequest]) {
        guard let replicated = play.postgres.replicated else { return }
        for question in questions where tables.issues[question.coupon]?[question.user] != nil {
            if replicated.issues[question.coupon]?[question.user] == nil {
                readInDoubt.insert(question)
            }
        }
    }

    /// The same for users who ask again, or whose coupon is filling.
    func didRead(_ users: [CouponUser]) {
        readInDoubt.formUnion(users.compactMap { rowInDoubt(of: $0.user, for: $0.coupon) })
    }

    /// The same for statuses.
    func didRead(_ questions: [StatusQuestion]) {
        statusesInDoubt.formUnion(
            questions.compactMap { question in
                question.user.flatMap { rowInDoubt(of: $0, for: question.coupon) }
            })
    }

    /// A user's row, if the standby lacks it.
    private func rowInDoubt(of user: UserID, for coupon: CouponID) -> AcceptedRequest? {
        guard let replicated = play.postgres.replicated, let row = tables.issues[coupon]?[user],
            replicated.issues[coupon]?[user] == nil
        else { return nil }
        return AcceptedRequest(
            coupon: coupon, user: user, sequence: row.sequence, requestID: row.requestID)
    }

    /// A status has an answer by then: its lane does not wait for longer.
    private static let longestStatus: Int64 = 10_000_000

    /// The standby is the primary now. Nothing that was answered may be lost.
    func didPromote(from lost: ModelTables) {
        for (coupon, rows) in lost.issues {
            for (user, row) in rows where tables.issues[coupon]?[user] == nil {
                let accepted = AcceptedRequest(
                    coupon: coupon, user: user, sequence: row.sequence, requestID: row.requestID)
                if answeredIssued.contains(accepted) {
                    fail("answered ISSUED, but lost with the primary: \(accepted)")
                }
                everIssued.remove(accepted)
            }
        }
        doubtEnds = play.line.now + Self.longestStatus
        seenRejections = tables.rejections.count
        for row in tables.partitions {
            terms[row.id] = row.redisTerm
            // An epoch may be lost with it.
            didShake(row.id)
        }
        look()
    }
}
