/// Fence, open, load, set and cap against rules 26 to 34, each with the race that it exists for.
internal import CouponCore
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

@Suite struct RebuildTests {
    @Test func fenceTakesOnlyAHigherEpochAndOpenOnlyItsOwn() async throws {
        let bench = try await Bench()
        let control = bench.control
        #expect(try control.fence(partition, epoch: 3, installID: "install"))
        #expect(try !control.fence(partition, epoch: 3, installID: "install"))
        #expect(try !control.open(partition, epoch: 2, settled: .zero, queued: 0))
        #expect(try control.fence(partition, epoch: 4, installID: "install"))
        #expect(try !control.open(partition, epoch: 3, settled: .zero, queued: 0))
        #expect(try control.open(partition, epoch: 4, settled: at(8), queued: 0))
        #expect(try !control.open(partition, epoch: 4, settled: at(8), queued: 0))
        let view = try bench.view()
        #expect(view.status == .open && view.epoch == 4 && view.tail == 0)
        #expect(view.settled == at(8) && view.loadToken == 1 && view.installID == "install")
    }

    @Test func anotherInstallationsGateIsLeftAlone() async throws {
        let bench = try await Bench()
        try bench.open()
        #expect(throws: GateControlError.self) {
            try bench.control.fence(partition, epoch: 2, installID: "other")
        }
        #expect(try bench.view().epoch == 1)
    }

    @Test func aRebuildCarriesTheQueueOn() async throws {
        let bench = try await Bench()
        try bench.open(coupon(total: 3))
        _ = try bench.ask(request(1))
        _ = try bench.ask(request(2))
        #expect(try bench.control.fence(partition, epoch: 2, installID: "install"))
        let holder = LoadedHolder(
            user: UserID(2),
            holder: GateHolder(sequence: 2, position: at(2), requestID: id("a"), rejection: nil))
        let loaded = LoadedCoupon(
            coupon: coupon(total: 3, issued: 1), holders: [holder], used: 2, queued: 1,
            nextSequence: 3)
        #expect(
            try bench.control.load(loaded, partition: partition, epoch: 2, token: nil) == .loaded)
        #expect(
            try bench.control.load(loaded, partition: partition, epoch: 1, token: nil)
                == .superseded)
        #expect(try bench.control.open(partition, epoch: 2, settled: at(1), queued: 1))
        let view = try bench.view()
        #expect(view.items.map(\.position) == [at(2)] && view.queueEnd == at(2))
        #expect(
            try bench.ask(request(2), request(2, "b"), request(3), request(4), epoch: 2).verdicts
                == [
                    .replayed(sequence: 2, position: at(2)),
                    .duplicate(sequence: 2, state: .queued, position: at(2)),
                    .accepted(sequence: 3, position: at(1, epoch: 2)), .soldOut,
                ])
        // One epoch at a time.
        #expect(try bench.view(after: at(1)).items.map(\.position) == [at(2)])
        #expect(try bench.view(after: at(2)).items.map(\.position) == [at(1, epoch: 2)])
        #expect(try await bench.server.cli("EXISTS", Keys.record(CouponID(7), partition, 1)) == "1")
        try bench.control.sweep(partition, before: 2)
        #expect(try await bench.server.cli("EXISTS", Keys.record(CouponID(7), partition, 1)) == "0")
        #expect(try await bench.server.cli("EXISTS", Keys.record(CouponID(7), partition, 2)) == "1")
    }
}

@Suite struct LoadTests {
    @Test func manyHoldersArriveWhole() async throws {
        let bench = try await Bench()
        try bench.open()
        let holders = (0..<25_500).map { index in
            LoadedHolder(
                user: UserID(bigUser + index),
                holder: GateHolder(
                    sequence: index + 1, position: .zero, requestID: id("r\(index)"),
                    rejection: index % 100 == 0 ? .soldOut : nil))
        }
        let total = coupon(total: nil, issued: 25_500)
        #expect(try bench.load(total, holders: holders, used: 25_245, next: 25_501) == .loaded)
        #expect(try bench.inspect(bigUser + 25_499).holder == holders[25_499].holder)
        #expect(try bench.inspect(bigUser + 100).holder?.rejection == .soldOut)
        #expect(try await bench.server.cli("DBSIZE") == "3", "gate, record, holders")
        #expect(
            try await bench.server.cli("PTTL", Keys.holders(CouponID(7), partition, 1)) == "-1")
        #expect(
            try bench.ask(request(bigUser + 5, "r5"), request(1)).verdicts == [
                .replayed(sequence: 6, position: .zero),
                .accepted(sequence: 25_501, position: at(1)),
            ])
    }

    /// Model M6: a loader that read PostgreSQL before another loaded must not write what it read.
    @Test func aSlowLoaderIsTurnedAway() async throws {
        let bench = try await Bench()
        try bench.open()
        let stale = try bench.view().loadToken
        #expect(try bench.load(coupon(total: 1)) == .loaded)
        _ = try bench.ask(request(1))
        let slow = LoadedCoupon(
            coupon: coupon(total: 1), holders: [], used: 0, queued: 0, nextSequence: 1)
        #expect(
            try bench.control.load(slow, partition: partition, epoch: 1, token: stale)
                == .alreadyLoaded)
        let rev = try #require(try bench.inspect().record?.rev)
        let token = try bench.view().loadToken
        try await bench.server.cli("DEL", Keys.record(CouponID(7), partition, 1))
        #expect(
            try bench.control.load(slow, partition: partition, epoch: 1, token: stale)
                == .superseded)
        #expect(
            try bench.control.load(slow, partition: partition, epoch: 1, token: token) == .loaded)
        #expect(
            try #require(try bench.inspect().record?.rev) > rev, "a cache takes only a higher rev")
    }

    /// The token also rises when a coupon is marked to expire: a loader may have read it while
    /// loaded.
    @Test func aLoaderThatReadBeforeTheEndIsTurnedAwayAfterTheExpiry() async throws {
        let bench = try await Bench(retention: 1)
        try bench.open(coupon(total: 1))
        let token = try bench.view().loadToken
        _ = try bench.ask(request(1))
        #expect(
            try bench.settle(
                from: .zero, to: at(1), [settled(coupon(total: 1, version: 2, issued: 1), 1)]))
        try await eventually("the expiry") { try bench.inspect().record == nil }
        let slow = LoadedCoupon(
            coupon: coupon(total: 1), holders: [], used: 0, queued: 0, nextSequence: 1)
        #expect(
            try bench.control.load(slow, partition: partition, epoch: 1, token: token)
                == .superseded)
    }
}

@Suite struct ChangeTests {
    @Test func setTakesOnlyAHigherVersion() async throws {
        let bench = try await Bench()
        let control = bench.control
        #expect(try control.set(coupon(), partition: partition, epoch: 1) == .stale)
        try bench.open()
        #expect(try control.set(coupon(), partition: partition, epoch: 1) == .notLoaded)
        _ = try bench.load(coupon(total: 1, version: 3))
        let rev = try bench.ask(request(1)).rev
        #expect(
            try control.set(coupon(total: 5, version: 3), partition: partition, epoch: 1)
                == .current)
        #expect(try bench.ask(request(2)).verdicts == [.soldOut])
        #expect(
            try control.set(coupon(total: 2, version: 4), partition: partition, epoch: 1)
                == .current)
        let raised = try bench.ask(request(2))
        #expect(raised.verdicts == [.accepted(sequence: 2, position: at(2))])
        #expect(raised.rev == rev + 1 && raised.version == 4)
        #expect(try control.set(coupon(), partition: partition, epoch: 2) == .stale)
    }

    @Test func aCapHoldsUntilAVersionCommittedAfterIt() async throws {
        let bench = try await Bench()
        try bench.open(coupon(total: 5))
        _ = try bench.ask(request(1), request(2))
        func cap(_ total: Int64, version: Int64) throws -> CapResult {
            try bench.control.cap(
                CouponID(7), version: version, partition: partition, epoch: 1, total: total)
        }
        #expect(try cap(1, version: 3) == .refused(used: 2))
        #expect(try cap(2, version: 3) == .capped)
        #expect(try bench.ask(request(3)).verdicts == [.soldOut])
        // Committed before the lock under which the cap was set, and late.
        let late = coupon(total: 5, version: 3)
        #expect(try bench.control.set(late, partition: partition, epoch: 1) == .current)
        #expect(try bench.ask(request(3)).verdicts == [.soldOut])
        let lowered = coupon(total: 3, version: 4)
        #expect(try bench.control.set(lowered, partition: partition, epoch: 1) == .current)
        #expect(try bench.inspect().record?.cap == nil)
        #expect(
            try bench.ask(request(3), request(4)).verdicts == [
                .accepted(sequence: 3, position: at(2)), .soldOut,
            ])
    }

    @Test func aCappedCouponDoesNotExpire() async throws {
        let bench = try await Bench(retention: 60_000)
        try bench.open(coupon(total: 1))
        _ = try bench.ask(request(1))
        #expect(
            try bench.settle(
                from: .zero, to: at(1), [settled(coupon(total: 1, version: 2, issued: 1), 1)]))
        func lifetimes() async throws -> [Bool] {
            var ends: [Bool] = []
            for key in ["record", "holders"] {
                let key = "coupond:{\(partition.rawValue)}:1:7:\(key)"
                ends.append(try await bench.server.cli("PTTL", key) != "-1")
            }
            return ends
        }
        func cap(version: Int64) throws -> CapResult {
            try bench.control.cap(
                CouponID(7), version: version, partition: partition, epoch: 1, total: 1)
        }
        #expect(try await lifetimes() == [true, true])
        // It was raised meanwhile, which the gate does not know, and is lowered again.
        #expect(try cap(version: 3) == .capped)
        #expect(try await lifetimes() == [false, false])
        // The raise is lost with its PostgreSQL: the total itself is no cap.
        #expect(try cap(version: 2) == .capped)
        #expect(try await lifetimes() == [true, true])
    }

    @Test func aLeftOverCapIsClearedByTheTotalItself() async throws {
        let bench = try await Bench()
        try bench.open(coupon(total: 5))
        let control = bench.control
        let id = CouponID(7)
        #expect(
            try control.cap(id, version: 1, partition: partition, epoch: 1, total: 0) == .capped)
        let rev = try bench.ask(request(1)).rev
        #expect(
            try control.cap(id, version: 1, partition: partition, epoch: 1, total: 5) == .capped)
        let open = try bench.ask(request(1))
        #expect(open.verdicts == [.accepted(sequence: 1, position: at(1))] && open.rev == rev + 1)
        #expect(
            try control.cap(id, version: 1, partition: partition, epoch: 2, total: 5) == .stale)
        #expect(
            try control.cap(CouponID(10), version: 1, partition: partition, epoch: 1, total: 5)
                == .notLoaded)
    }
}
