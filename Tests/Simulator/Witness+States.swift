/// Checks every state, and the last one (undecided, slots, settled ahead, front door; promise 3).
import CouponCore
import CoreTestKit

extension Witness {
    /// At the end each acceptance must be decided, unless a loss took it.
    func expectAllDecided() {
        for acceptance in acceptances
        where !acceptance.isLost && !isDecided(acceptance.accepted) && !didPostgresGoBack {
            fail("promise 3: accepted at \(acceptance.position), but gone: \(acceptance.accepted)")
        }
    }

    /// At the end no counter of queued requests may be left: it would count against the limits of later
    /// callers.
    func expectNoBacklog() {
        for partition in play.partitioning.all {
            let keys = play.redis(of: partition).data[partition]
            let loaded = keys.coupons.filter { $0.key.epoch == keys.gate?.epoch }
            let queued = loaded.values.reduce(keys.gate?.queued ?? 0) { $0 + $1.queued }
            if queued != 0 { fail("no rest: all is settled, but \(queued) count as queued") }
        }
    }

    /// Checks the current state for undecided entries, wrong slots, and a gate that is settled ahead.
    func look() {
        for partition in play.partitioning.all { look(at: partition) }
        if breach == nil { lookAtFrontDoors() }
    }

    func look(at partition: PartitionID) {
        let redis = play.redis(of: partition)
        var data = redis.data
        let row = tables[partition]
        let keys = data.partitions[partition.rawValue]
        if !tainted.contains(partition) {
            for stored in keys.queue where stored.entry.position <= row.cursor {
                expectDecided(stored.entry, "passed")
            }
        }
        let view = data.read(
            partition, after: row.cursor, upTo: nil, maximumRequests: .max, now: redis.now)
        guard !tainted.contains(partition), redis.isUp,
            RebuildReason(row: row, gate: view, identity: redis.identity) == nil
        else { return }
        if view.settled > row.cursor { fail("settled ahead: \(view.settled) > \(row.cursor)") }
        for (key, loaded) in keys.coupons where key.epoch == view.epoch {
            let expected = expectedUsed(key.coupon, row, view, loaded)
            if loaded.used != expected {
                fail(
                    "slots: coupon \(key.coupon.rawValue): used \(loaded.used) instead of \(expected)"
                )
            }
        }
    }

    func expectedUsed(
        _ coupon: CouponID, _ row: PartitionRow, _ view: GateView, _ loaded: ModelRedis.Loaded
    ) -> Int64 {
        let issued = tables.issues[coupon] ?? [:]
        var dead: Set<UserID> = []
        var pending: Set<UserID> = []
        for rejection in tables.rejections where rejection.accepted.coupon == coupon {
            let user = rejection.accepted.user
            if rejection.reason == .deadLetter {
                if let letter = tables.letters.first(where: { $0.rejection == rejection }),
                    letter.state != .held
                {
                    // Until the gate has the decision, a discarded letter has its slot.
                    if !letter.isSynced, let holder = loaded.holders[user], holder.hasSlot,
                        holder.sequence == rejection.accepted.sequence
                    {
                        pending.insert(user)
                    }
                } else {
                    dead.insert(user)
                }
            } else if rejection.position > view.settled, rejection.position <= row.cursor,
                let holder = loaded.holders[user], holder.hasSlot,
                holder.sequence == rejection.accepted.sequence,
                holder.position == rejection.position
            {
                pending.insert(user)
            }
        }
        for stored in play.redis(of: row.id).data[row.id].queue
        where stored.entry.position > row.cursor {
            for queued in stored.entry.coupons where queued.coupon == coupon {
                let users = queued.requests.map(\.user)
                pending.formUnion(
                    stored.isDamaged ? users.filter { isKnown($0, coupon, at: stored, row) } : users
                )
            }
        }
        pending = pending.filter { issued[$0] == nil && !dead.contains($0) }
        return Int64(issued.count) + tables.deadLetters(of: coupon) + Int64(pending.count)
    }

    /// Whether a user's holder, in any epoch, names an entry. Nothing else knows the users of a damaged entry
    /// (docs/SAFETY.md, "What is not covered").
    private func isKnown(
        _ user: UserID, _ coupon: CouponID, at stored: ModelRedis.Entry, _ row: PartitionRow
    ) -> Bool {
        play.redis(of: row.id).data[row.id].coupons.contains { key, loaded in
            key.coupon == coupon && loaded.holders[user]?.position == stored.entry.position
        }
    }

    /// With no message on its way, a front door that bounces must have a reason.
    func lookAtFrontDoors() {
        for daemon in play.daemons
        where daemon.isAlive && daemon.stalledUntil <= play.line.now && !daemon.hasSignals {
            for loop in daemon.loops {
                for id in play.coupons { look(at: id, from: loop) }
            }
        }
    }

    func look(at id: CouponID, from loop: SimulatedLoop) {
        let partition = partition(of: id)
        let redis = play.redis(of: partition)
        let subscription = loop.daemon.subscription(of: partition)
        let isDeaf = subscription.isKnownDeaf(partition)
        let keys = redis.data[partition]
        guard redis.isUp, let way = loop.gate(at: redis), way.isQuiet, way.identity != nil,
            isDeaf || subscription.isQuiet(partition) && subscription.process == redis.process,
            let gate = keys.gate, !gate.isFenced, gate.epoch == tables[partition].epoch,
            !tainted.contains(partition),
            let loaded = keys[gate.epoch, id],
            !loaded.door(redis.now).isClosed
        else { return }
        var door = loop.worker.frontDoor
        let now = MonotonicTime(nanoseconds: play.line.now * 1_000)
        let judgement = door.judge(id, attempt: 0, now: now)
        // Without events a coupon that was finished may bounce for a while.
        if isDeaf, wasFinished.contains(id) { return }
        switch judgement {
        case .bounce(.soldOut), .bounceAndRefresh(.soldOut), .bounce(.paused),
            .bounceAndRefresh(.paused), .bounce(.closed), .bounceAndRefresh(.closed):
            fail("front door: \(loop.name) bounces coupon \(id.rawValue), but the gate is open")
        default: break
        }
    }
}
