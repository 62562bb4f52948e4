/// Checks each acceptance of the gate and each commit (over-issue, contradicted answers, undecided entries,
/// rejections; promise 5).
import CouponCore
import CoreTestKit

extension Witness {
    /// The gate at a server has answered a call.
    func didJudge(_ call: GateCall, _ answer: GateAnswer, at server: RedisServer) {
        guard case .reply(let reply) = answer else { return }
        judgedCalls += 1
        for (question, result) in zip(call.questions, reply.results) {
            guard case .judged(let judgement) = result else { continue }
            for (request, verdict) in zip(question.requests, judgement.verdicts) {
                didJudge(request, verdict, of: question.coupon, in: call.partition, at: server)
            }
        }
    }

    private func didJudge(
        _ request: GateRequest, _ verdict: GateVerdict, of coupon: CouponID,
        in partition: PartitionID, at server: RedisServer
    ) {
        switch verdict {
        case .accepted(let sequence, let position):
            play.line.mix(UInt64(bitPattern: sequence))
            let accepted = AcceptedRequest(
                coupon: coupon, user: request.user, sequence: sequence,
                requestID: request.requestID)
            didAccept(Acceptance(accepted, position, at: play.line.now), in: partition, at: server)
        case .soldOut, .notOpen, .ended, .paused, .closed:
            gateRefusals[request.requestID, default: []].append(play.line.now)
            if server !== play.redis(of: partition) { refusedByDeposed.insert(request.requestID) }
        case .replayed, .duplicate, .rejected, .expired: break
        }
    }

    func didAccept(
        _ acceptance: Acceptance, in partition: PartitionID, at server: RedisServer
    ) {
        let accepted = acceptance.accepted
        let position = acceptance.position
        acceptances.append(acceptance)
        byRequest[accepted.requestID, default: []].append(acceptance)
        let raised = raisedFor[partition]?[position.epoch]
        if let raised, raised != server.identity, !didPostgresGoBack {
            fail("node \(server.number) accepted at \(position), an epoch of another Redis")
        }
        // A failover costs what a deposed master accepts.
        guard server === play.redis(of: partition) else {
            acceptance.isLost = true
            return
        }
        if tainted.contains(partition) {
            fail("a gate that has gone back accepted \(accepted) at \(position)")
        }
        guard !didPostgresGoBack else { return }
        if position <= tables[partition].cursor {
            fail(
                "undecided: accepted at \(position), behind the cursor \(tables[partition].cursor)")
        }
        let couponEpoch = CouponEpoch(coupon: accepted.coupon, epoch: position.epoch)
        let sentAt = play.clients.wishes[Int(accepted.requestID.highBits) - 1].firstSentAt
        for earlier in received[couponEpoch] ?? []
        where earlier.time < sentAt && earlier.sequence >= accepted.sequence {
            fail("promise 5: \(accepted.sequence) was sent after \(earlier.sequence) was answered")
        }
        if let call = byPosition[partition]?[position], call != judgedCalls {
            fail("position \(position) was given twice")
        }
        byPosition[partition, default: [:]][position] = judgedCalls
    }

    /// A script has run at a server. It may only trim entries that are decided.
    func didRun(
        from before: [ModelRedis.Partition], to after: [ModelRedis.Partition],
        at server: RedisServer
    ) {
        for index in before.indices where server === play.redis(of: PartitionID(index)) {
            let partition = PartitionID(index)
            if before[index].gate?.isFenced == true, after[index].gate?.isFenced == false {
                tainted.remove(partition)
                openedAt[partition] = play.line.now
            }
            guard before[index].queue.count > after[index].queue.count,
                !tainted.contains(partition)
            else { continue }
            let left = after[index].queue.first?.entry.position
            for entry in before[index].queue where left.map({ entry.entry.position < $0 }) ?? true {
                expectDecided(entry.entry, "trimmed")
            }
        }
    }

    func expectDecided(_ entry: QueueEntry, _ what: String) {
        for accepted in entry.acceptedRequests where !isDecided(accepted) && !mayVanish(accepted) {
            fail("undecided: u\(accepted.user.rawValue) at \(entry.position) is \(what)")
        }
    }

    func mayVanish(_ accepted: AcceptedRequest) -> Bool {
        didPostgresGoBack
            || byRequest[accepted.requestID]?.contains { $0.accepted == accepted && $0.isLost }
                ?? false
    }

    func isDecided(_ accepted: AcceptedRequest) -> Bool {
        let row = tables.issues[accepted.coupon]?[accepted.user]
        if row?.requestID == accepted.requestID, row?.sequence == accepted.sequence { return true }
        return tables.rejections.contains { $0.accepted == accepted }
    }

    /// PostgreSQL has committed a transaction.
    func didCommit() {
        for (id, coupon) in tables.coupons where coupon.isSoldOut || coupon.state == .closed {
            wasFinished.insert(id)
        }
        for id in play.coupons where tables.coupons[id] == nil && play.isSetUp {
            wasDeleted.insert(id)
        }
        for (id, rows) in tables.issues {
            guard let coupon = tables.coupons[id] else { continue }
            if Int64(rows.count) != coupon.issued || coupon.issued > coupon.total ?? .max {
                fail("over-issue: coupon \(id.rawValue): \(rows.count) rows, \(coupon)")
            }
            for (user, row) in rows {
                let accepted = AcceptedRequest(
                    coupon: id, user: user, sequence: row.sequence, requestID: row.requestID)
                if everIssued.insert(accepted).inserted { didIssue(accepted) }
            }
        }
        for row in tables.partitions {
            if row.redisTerm < terms[row.id] ?? 0 { fail("the term of \(row) has fallen") }
            terms[row.id] = row.redisTerm
        }
        for rejection in tables.rejections.dropFirst(seenRejections) { didRefuse(rejection) }
        seenRejections = tables.rejections.count
        look()
    }

    func didIssue(_ accepted: AcceptedRequest) {
        play.line.mix(UInt64(bitPattern: accepted.sequence))
        let acceptance = byRequest[accepted.requestID]?.last { $0.accepted == accepted }
        guard let acceptance else { return fail("\(accepted) is issued, but was never accepted") }
        // A letter may be redriven after its user was told that it waits.
        if acceptance.wasRefused, !isLetter(accepted) {
            fail(
                "contradicted: u\(accepted.user.rawValue) was answered rejected or lost, but is issued"
            )
        }
    }

    func isLetter(_ accepted: AcceptedRequest) -> Bool {
        tables.letters.contains { $0.rejection.accepted == accepted }
    }

    func didRefuse(_ rejection: Rejection) {
        guard [.soldOut, .alreadyIssued, .notFound].contains(rejection.reason) else { return }
        if !mayVanish(rejection.accepted) {
            fail(
                "rejected: u\(rejection.accepted.user.rawValue) was accepted: \(rejection.reason)")
        }
    }
}
