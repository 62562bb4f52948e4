/// Compares answers with what really happened (promises 2 to 6 and 9).
import CouponCore
import CoreTestKit

extension Witness {
    /// A daemon answers a request.
    func didAnswer(_ attempt: Clients.Try, _ answer: Clients.Answer) {
        if attempt.answers > 1 { fail("answered twice: \(answer)") }
        let late = play.line.now - (attempt.arrivedAt ?? 0) - attempt.deadline * 1_000
        let stalled = attempt.loop.daemon.stalledUntil
        if late > 50_000, stalled < attempt.arrivedAt ?? 0 {
            fail("promise 9: answered \(late / 1_000) ms after the deadline")
        }
        switch answer {
        case .success(let outcome): judge(outcome, attempt)
        case .failure(let failure): judge(failure, attempt)
        }
    }

    func acceptances(of wish: Clients.Wish, sequence: Int64) -> [Acceptance] {
        (byRequest[wish.requestID] ?? []).filter { $0.accepted.sequence == sequence }
    }

    func judge(_ outcome: Outcome, _ attempt: Clients.Try) {
        let wish = attempt.wish
        switch outcome {
        case .accepted(let sequence):
            if acceptances(of: wish, sequence: sequence).isEmpty {
                fail("answered ACCEPTED(\(sequence)) without an acceptance")
            }
        case .issued(let sequence, _):
            let accepted = AcceptedRequest(
                coupon: wish.coupon, user: wish.user, sequence: sequence, requestID: wish.requestID)
            expectRow(accepted, "answered ISSUED")
            if !readInDoubt.contains(accepted) { answeredIssued.insert(accepted) }
        case .duplicate(let sequence, let state): judgeDuplicate(sequence, state, wish)
        case .rejected(let sequence, _):
            let all = acceptances(of: wish, sequence: sequence)
            if all.isEmpty { fail("answered REJECTED(\(sequence)) without an acceptance") }
            refuse(all)
        case .soldOut, .notOpen, .ended, .paused, .closed, .notFound:
            judgeRefusal(outcome, attempt)
        }
    }

    func expectRow(_ accepted: AcceptedRequest, _ what: String) {
        let row = tables.issues[accepted.coupon]?[accepted.user]
        let isThere = row?.requestID == accepted.requestID && row?.sequence == accepted.sequence
        if !isThere && !(didPostgresGoBack && everIssued.contains(accepted)) {
            fail("\(what) \(accepted.sequence) without a row")
        }
    }

    func judgeDuplicate(_ sequence: Int64, _ state: HolderState, _ wish: Clients.Wish) {
        let others = acceptances.filter {
            $0.accepted.coupon == wish.coupon && $0.accepted.user == wish.user
                && $0.accepted.sequence == sequence
        }
        if !others.contains(where: { $0.accepted.requestID != wish.requestID }) {
            fail("answered DUPLICATE(\(sequence)), but no other request was accepted")
        }
        if state == .issued, !others.contains(where: { everIssued.contains($0.accepted) }) {
            fail("answered DUPLICATE(issued) without a row")
        }
    }

    func refuse(_ all: [Acceptance]) {
        for acceptance in all {
            if everIssued.contains(acceptance.accepted), !didPostgresGoBack,
                !isLetter(acceptance.accepted)
            {
                fail("contradicted: answered rejected or lost, but issued: \(acceptance.accepted)")
            }
            acceptance.wasRefused = true
        }
    }

    /// A refusal: the request must not have had a slot when it was judged.
    func judgeRefusal(_ outcome: Outcome, _ attempt: Clients.Try) {
        let wish = attempt.wish
        if outcome == .notFound, !wasDeleted.contains(wish.coupon) {
            return fail("answered NOT_FOUND for a coupon that exists")
        }
        let holds = (byRequest[wish.requestID] ?? []).contains {
            !$0.isLost && !isRefused($0.accepted) && !wasRefused(attempt, before: $0)
        }
        if holds, !refusedByDeposed.contains(wish.requestID),
            attempt.attempt > 0 || wish.tries == 1, !didPostgresGoBack
        {
            fail("promise 6: a holder got \(outcome)")
        }
    }

    /// Whether the gate refused this try before it accepted another one: their answers may have any order.
    func wasRefused(_ attempt: Clients.Try, before acceptance: Acceptance) -> Bool {
        attempt.wish.tries > 1
            && (gateRefusals[attempt.wish.requestID] ?? []).contains {
                $0 >= attempt.arrivedAt ?? 0 && $0 < acceptance.time
            }
    }

    func isRefused(_ accepted: AcceptedRequest) -> Bool {
        tables.rejections.contains { $0.accepted == accepted }
    }

    func judge(_ failure: Failure, _ attempt: Clients.Try) {
        let all = byRequest[attempt.wish.requestID] ?? []
        switch failure.acceptance {
        case .accepted(let sequence):
            if acceptances(of: attempt.wish, sequence: sequence).isEmpty {
                fail("answered accepted(\(sequence)) without an acceptance")
            }
        case .notAccepted:
            if failure.message.hasPrefix("Redis lost the accepted") {
                guard all.count == 1 else { return }
                if !all[0].isLost, !didPostgresGoBack {
                    fail("answered that Redis lost the request, but it did not")
                }
                refuse(all)
            } else if attempt.wish.tries == 1, !all.isEmpty {
                fail("promise 9: answered not accepted (\(failure.message)), but was accepted")
            }
        case .unknown: break
        }
    }

    /// An answer has reached its user. Requests that are sent from now on are later ones.
    func didReceive(_ attempt: Clients.Try, _ outcome: Outcome) {
        let sequence: Int64
        switch outcome {
        case .accepted(let n), .issued(let n, _): sequence = n
        default: return
        }
        let all = acceptances(of: attempt.wish, sequence: sequence)
        guard all.count == 1, let only = all.first, !only.isLost else { return }
        received[CouponEpoch(coupon: only.accepted.coupon, epoch: only.position.epoch), default: []]
            .append((play.line.now, sequence))
    }

    /// The acceptances of a user that are not lost.
    func acceptedRequests(of user: UserID, _ coupon: CouponID) -> [Acceptance] {
        acceptances.filter {
            $0.accepted.user == user && $0.accepted.coupon == coupon && !$0.isLost
        }
    }

    /// A daemon answers with a status.
    func didAnswer(
        _ status: UserStatus, of user: UserID, _ coupon: CouponID, _ before: [Acceptance]
    ) {
        switch status {
        case .none:
            let held = before.filter { !$0.isLost && !didPostgresGoBack }
            if let first = held.first {
                fail("promise 9: status NONE, but \(first.accepted) was accepted before")
            }
        case .issued(let sequence, _):
            let isRow = { (row: AcceptedRequest) in
                row.user == user && row.coupon == coupon && row.sequence == sequence
            }
            let mayDoubt = doubtEnds.map { play.line.now <= $0 } ?? true
            if !everIssued.contains(where: isRow),
                !(mayDoubt && statusesInDoubt.contains(where: isRow))
            {
                fail("status ISSUED(\(sequence)) without a row")
            }
        case .rejected(let sequence, _):
            refuse(
                acceptances.filter {
                    $0.accepted.user == user && $0.accepted.coupon == coupon
                        && $0.accepted.sequence == sequence && isRefused($0.accepted)
                })
        case .queued: break
        }
    }
}
