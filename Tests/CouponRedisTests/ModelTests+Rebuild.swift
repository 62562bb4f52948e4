/// Rebuilds in a history of `ModelTests`, and its check after each command.
internal import CouponCore
internal import CoreTestKit
internal import Testing

@testable internal import CouponRedis

extension ModelHistory {
    /// The partition's row in PostgreSQL.
    func row(epoch: Epoch) throws -> PartitionRow {
        PartitionRow(
            id: partition, epoch: epoch, cursor: try place(),
            identity: RedisIdentity(
                runID: "run", replicationID: draw(0...9) == 0 ? "other" : model.replicationID),
            installID: "install")
    }

    func fence() throws {
        let row = try row(epoch: (keys.gate?.epoch ?? 0) + Int64(draw(0...2)))
        #expect(try control.fence(row) == model.fence(row))
    }

    func beat() throws {
        let epoch = self.epoch
        #expect(
            try control.beat(partition, epoch: epoch) == model.beat(partition, epoch: epoch))
    }

    func count() throws {
        let settled = keys.gate?.settled ?? .zero
        let (epoch, from) = (self.epoch, draw(0...9) == 0 ? try place() : settled)
        let limit = draw(1...3)
        guard let expected = model.entries(partition, after: from, limit: limit) else {
            #expect(throws: BackendError.self) {
                try control.entries(partition, after: from, limit: limit)
            }
            return
        }
        let items = try control.entries(partition, after: from, limit: limit)
        #expect(items == expected)
        let (requests, to) = (items.flatMap(\.requests), items.last?.position ?? from)
        #expect(
            try control.count(requests, from: from, to: to, partition: partition, epoch: epoch)
                == model.count(requests, from: from, to: to, partition: partition, epoch: epoch))
    }

    /// Another program adds an entry.
    func foreignEntry() throws {
        model.addForeignEntry(partition)
        let id = try #require(keys.foreign.last)
        try fixture.call(Command("XADD", Keys.queue(partition), id, "e", "x"))
    }

    /// Sometimes the answer to the last call was lost, or another owner begins.
    func move() throws {
        let row = try row(epoch: self.epoch)
        var mine = draw(0...2) == 0 ? QueueMove(from: row.cursor) : lastMove
        mine.isOver = false
        var real = mine
        let limit = draw(1...3)
        #expect(
            try control.move(&real, of: row, limit: limit)
                == model.move(&mine, of: row, limit: limit))
        #expect(real == mine)
        if draw(0...4) > 0 { lastMove = mine }
        let copy = try fixture.call(Command("XLEN", Keys.copy(partition)))
        #expect(copy.integerValue == Int64(keys.copy.count))
    }

    func open() throws {
        let row = try row(epoch: self.epoch)
        let counted = draw(0...4) == 0 ? try place() : keys.gate?.settled ?? .zero
        #expect(
            try control.open(row, counted: counted)
                == model.open(row, counted: counted, now: now))
    }

    func heartbeat() throws {
        let epoch = self.epoch
        let row = partitionRow(epoch: epoch, cursor: try place())
        let isOpen = model.heartbeat(partition, epoch: epoch, now: now)
        let view = model.read(
            partition, after: row.cursor, upTo: nil, maximumRequests: 1, now: now)
        #expect(try control.heartbeatViews([row]) == [isOpen ? view : nil])
    }

    func sweep() throws {
        let epoch = self.epoch
        while try control.sweep(partition, before: epoch, limit: 2) {}
        while model.sweep(partition, before: epoch, limit: 2) {}
    }

    /// The same events, and the same state.
    func check() throws {
        for event in model.events {
            var received: EventSignal?
            for _ in 0..<20 where received == nil { received = source.next() }
            #expect(received?.published(at: event.publishedAt) == .event(event))
        }
        model.events.removeAll()
        let (after, most) = (try pick([.zero, try place()]), draw(1...4))
        #expect(
            try control.read(partition, after: after, upTo: nil, maximumRequests: most)
                == model.read(
                    partition, after: after, upTo: nil, maximumRequests: most, now: now))
        for coupon in coupons {
            for user in users {
                let real = try control.inspect(
                    CouponID(coupon), partition: partition, user: UserID(user))
                let mine = model.inspect(
                    CouponID(coupon), partition: partition, user: UserID(user),
                    identity: real.identity, now: real.now)
                #expect(real == mine, "coupon \(coupon), user \(user)")
            }
            try checkLoad(of: CouponID(coupon))
        }
    }

    /// The same claim, as many staged holders, and the same kind of planned check.
    private func checkLoad(of coupon: CouponID) throws {
        let epoch = keys.gate?.epoch ?? 0
        let key = ModelRedis.Key(epoch: epoch, coupon: coupon)
        let claim = try fixture.call(Command("GET", Keys.claim(coupon, partition, epoch)))
        var reader = ByteReader(claim.bytesValue ?? [])
        let load = reader.integer(UInt64.self)
        #expect(load == keys.loads[key]?.load)
        let staged = try fixture.call(Command("HLEN", Keys.staged(coupon, partition, epoch)))
        #expect(staged.integerValue == Int64(keys.loads[key]?.holders.count ?? 0))
        let index = Keys.coupons(partition, epoch)
        let visit = try fixture.call(Command("ZSCORE", index, String(coupon.rawValue))).text
        let mine = keys.visits[key]
        #expect((visit == nil) == (mine == nil))
        #expect((visit == "inf") == (mine == .some(nil)))
    }
}
