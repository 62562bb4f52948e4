/// What the gate accepts and PostgreSQL commits, and what must hold of each (I1, I3, I4, I6, promise 5).
import CouponCore
import Models

extension Witness {
    /// The gate has judged a call.
    func didJudge(_ call: GateCall, _ answer: GateAnswer) {
        guard case .reply(let reply) = answer else { return }
        for (request, verdict) in zip(call.requests, reply.verdicts) {
            switch verdict {
            case .accepted(let sequence, let position):
                play.line.mix(UInt64(bitPattern: sequence))
                let holding = Holding(
                    coupon: call.coupon, user: request.user, sequence: sequence,
                    requestID: request.requestID)
                didAccept(
                    Acceptance(holding, position, at: play.line.now), in: call.partition)
            case .soldOut, .notOpen, .ended, .paused, .closed:
                gateRefusals[request.requestID, default: []].append(play.line.now)
            case .replayed, .duplicate, .rejected, .expired: break
            }
        }
    }

    func didAccept(_ acceptance: Acceptance, in partition: PartitionID) {
        let holding = acceptance.holding
        let position = acceptance.position
        acceptances.append(acceptance)
        byRequest[holding.requestID, default: []].append(acceptance)
        if tainted.contains(partition) {
            fail("a gate that has gone back accepted \(holding) at \(position)")
        }
        guard !didPostgresGoBack else { return }
        if position <= tables[partition].cursor {
            fail("I4: accepted at \(position), behind the cursor \(tables[partition].cursor)")
        }
        let lane = Lane(coupon: holding.coupon, epoch: position.epoch)
        let sentAt = play.clients.wishes[Int(holding.requestID.highBits) - 1].firstSentAt
        for earlier in heard[lane] ?? []
        where earlier.time < sentAt && earlier.sequence >= holding.sequence {
            fail("promise 5: \(holding.sequence) was sent after \(earlier.sequence) was answered")
        }
        if let coupon = byPosition[partition]?[position], coupon != holding.coupon {
            fail("position \(position) was given twice")
        }
        byPosition[partition, default: [:]][position] = holding.coupon
    }

    /// A script has run: entries may only be trimmed when they are decided.
    func didRun(from before: [ModelRedis.Partition], to after: [ModelRedis.Partition]) {
        for index in before.indices {
            let partition = PartitionID(index)
            if before[index].gate?.isFenced == true, after[index].gate?.isFenced == false {
                tainted.remove(partition)
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
        for holding in entry.holdings where !isDecided(holding) && !mayVanish(holding) {
            fail("I4: u\(holding.user.rawValue) at \(entry.position) is \(what), and not decided")
        }
    }

    func mayVanish(_ holding: Holding) -> Bool {
        didPostgresGoBack
            || byRequest[holding.requestID]?.contains { $0.holding == holding && $0.isLost }
                ?? false
    }

    func isDecided(_ holding: Holding) -> Bool {
        let row = tables.issues[holding.coupon]?[holding.user]
        if row?.requestID == holding.requestID, row?.sequence == holding.sequence { return true }
        return tables.refusals.contains { $0.holding == holding }
    }

    /// A transaction was committed.
    func didCommit() {
        for (id, rows) in tables.issues {
            guard let coupon = tables.coupons[id] else { continue }
            if Int64(rows.count) != coupon.issued || coupon.issued > coupon.total ?? .max {
                fail("I1: coupon \(id.rawValue): \(rows.count) rows, \(coupon)")
            }
            for (user, row) in rows {
                let holding = Holding(
                    coupon: id, user: user, sequence: row.sequence, requestID: row.requestID)
                if everIssued.insert(holding).inserted { didIssue(holding) }
            }
        }
        for refusal in tables.refusals.dropFirst(seenRefusals) { didRefuse(refusal) }
        seenRefusals = tables.refusals.count
        look()
    }

    func didIssue(_ holding: Holding) {
        play.line.mix(UInt64(bitPattern: holding.sequence))
        let acceptance = byRequest[holding.requestID]?.last { $0.holding == holding }
        guard let acceptance else { return fail("\(holding) is issued, and was never accepted") }
        if acceptance.wasRefused {
            fail("I3: u\(holding.user.rawValue) was told rejected or lost, and is issued")
        }
    }

    func didRefuse(_ refusal: Refusal) {
        guard refusal.reason == .soldOut || refusal.reason == .alreadyIssued else { return }
        if !mayVanish(refusal.holding) {
            fail(
                "I6: u\(refusal.holding.user.rawValue) was accepted, and refused: \(refusal.reason)"
            )
        }
    }
}
