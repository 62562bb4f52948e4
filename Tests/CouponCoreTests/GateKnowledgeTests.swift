/// What a daemon knows of the gates (rules 8, 15), and what a rebuilt gate is told (rule 30).
import CouponCore
import Testing

private let partition = PartitionID(1)
private let here = RedisIdentity(runID: "r", replicationID: "h")
private let there = RedisIdentity(runID: "q", replicationID: "h")

private func row(
    _ epoch: Epoch, cursor: Position = .zero, identity: RedisIdentity? = here,
    id: PartitionID = partition
) -> PartitionRow {
    PartitionRow(id: id, epoch: epoch, cursor: cursor, identity: identity, installID: "i")
}

@Suite struct PartitionBookTests {
    @Test func `nothing is served before PostgreSQL was read`() {
        var book = PartitionBook(partitioning: Partitioning(count: 2))
        #expect(!book.isServed(partition, by: here))
        book.take(row(1, identity: nil))
        #expect(!book.isServed(partition, by: here))
        book.take(row(2))
        #expect(book.isServed(partition, by: here))
        #expect(!book.isServed(partition, by: there))
        #expect(book.epoch(of: partition) == 2)
    }

    @Test func `PostgreSQL's last word counts, also when it went back and gave a number twice`() {
        var book = PartitionBook(partitioning: Partitioning(count: 2))
        book.take(row(3))
        book.take(row(2))
        #expect(book.epoch(of: partition) == 2)
        book.take(row(3, identity: there))
        #expect(book.epoch(of: partition) == 3)
        #expect(book.isServed(partition, by: there))
    }

    @Test func `the floor is the highest place seen in the epoch, and begins anew with the next`() {
        var book = PartitionBook(partitioning: Partitioning(count: 2))
        book.take(row(1, cursor: Position(epoch: 1, n: 4)))
        #expect(book.floor(of: partition) == 4)
        book.see(Position(epoch: 1, n: 9), in: partition)
        book.see(Position(epoch: 1, n: 7), in: partition)
        book.see(Position(epoch: 2, n: 50), in: partition)
        book.take(row(1, cursor: Position(epoch: 1, n: 8)))
        #expect(book.floor(of: partition) == 9)
        book.take(row(2, cursor: Position(epoch: 1, n: 9)))
        #expect(book.floor(of: partition) == 0)
    }

    @Test func `a gate is open when one of PostgreSQL's epoch has spoken, whichever comes first`() {
        var book = PartitionBook(partitioning: Partitioning(count: 2))
        book.take(row(3))
        #expect(!book.isOpen(partition, by: here))
        book.seeOpen(3, in: partition)
        #expect(book.isOpen(partition, by: here))
        #expect(!book.isOpen(partition, by: there))
        book.seeOpen(5, in: partition)
        book.take(row(4))
        #expect(!book.isOpen(partition, by: here))
        book.take(row(5))
        #expect(book.isOpen(partition, by: here))
    }

    @Test func `a partition it does not have is ignored`() {
        var book = PartitionBook(partitioning: Partitioning(count: 2))
        book.take(row(1, id: PartitionID(2)))
    }
}

@Suite struct LoadedCouponTests {
    private let window = Window(opens: .zero, closes: Timestamp(microseconds: 1))

    private func name(_ number: Int64) -> RequestID {
        RequestID(high: UInt64(number), low: 0, length: 8)
    }

    private func holder(
        _ user: Int64, sequence: Int64, rejection: RejectionReason? = nil
    ) -> LoadedHolder {
        LoadedHolder(
            user: UserID(user),
            holder: GateHolder(
                sequence: sequence, position: .zero, requestID: name(sequence),
                rejection: rejection))
    }

    private func queued(_ user: Int64, sequence: Int64, n: Int64) -> (Holding, Position) {
        (
            Holding(
                coupon: CouponID(1), user: UserID(user), sequence: sequence,
                requestID: name(sequence)), Position(epoch: 1, n: n)
        )
    }

    private func loaded(_ holders: [LoadedHolder], used: Int64, next: Int64) -> LoadedCoupon {
        LoadedCoupon(
            coupon: Coupon(id: CouponID(1), title: "t", total: 10, window: window),
            holders: holders, used: used, queued: 0, nextSequence: next)
    }

    private func holders(of coupon: LoadedCoupon) -> [Int64: GateHolder] {
        Dictionary(uniqueKeysWithValues: coupon.holders.map { ($0.user.rawValue, $0.holder) })
    }

    @Test func `queued requests take slots and names, and the next sequence is above all`() {
        let coupon = loaded([holder(1, sequence: 1)], used: 1, next: 2)
            .adding(queued: [queued(2, sequence: 2, n: 1), queued(3, sequence: 5, n: 2)])
        #expect(coupon.used == 3)
        #expect(coupon.queued == 2)
        #expect(coupon.nextSequence == 6)
        let holders = holders(of: coupon)
        #expect(holders.count == 3)
        #expect(holders[1]?.position == .zero)
        #expect(
            holders[3]
                == GateHolder(
                    sequence: 5, position: Position(epoch: 1, n: 2), requestID: name(5),
                    rejection: nil))
    }

    @Test func `a lower sequence in the queue does not take the next one back`() {
        let coupon = loaded([], used: 0, next: 9).adding(queued: [queued(2, sequence: 2, n: 1)])
        #expect(coupon.nextSequence == 9)
    }

    @Test(arguments: [nil, RejectionReason.deadLetter])
    func `whoever has a slot takes no second one`(_ rejection: RejectionReason?) {
        let known = holder(1, sequence: 1, rejection: rejection)
        let coupon = loaded([known], used: 1, next: 2)
            .adding(queued: [queued(1, sequence: 2, n: 1)])
        #expect(coupon.used == 1)
        #expect(coupon.queued == 1, "the entry is there all the same")
        #expect(coupon.nextSequence == 3)
        #expect(holders(of: coupon)[1] == known.holder)
    }

    @Test func `a user who was rejected may have asked again, and counts`() {
        let coupon = loaded([holder(1, sequence: 1, rejection: .soldOut)], used: 0, next: 2)
            .adding(queued: [queued(1, sequence: 2, n: 1), queued(1, sequence: 3, n: 2)])
        #expect(coupon.used == 1, "the second entry will meet the first one's row")
        #expect(holders(of: coupon)[1]?.sequence == 2)
    }
}
