import Testing

@testable import CouponClient

@Suite struct PendingTableTests {
    @Test func `ids are unique and never zero`() throws {
        var table = PendingTable<Int>(capacity: 3)
        var seen: Set<UInt64> = [0]
        for round in 0..<100 {
            let id = try table.admit(round, deadline: 0)
            let isNew = seen.insert(id).inserted
            #expect(isNew)
            let removed1 = table.remove(id)
            #expect(removed1 == round)
        }
        #expect(table.isEmpty)
    }

    @Test func `a full table adds no request`() throws {
        var table = PendingTable<Int>(capacity: 2)
        let first = try table.admit(1, deadline: 0)
        _ = try table.admit(2, deadline: 0)
        #expect(table.isFull)
        let refused = table.insert(3, deadline: 0)
        #expect(refused == nil)
        _ = table.remove(first)
        _ = try table.admit(3, deadline: 0)
    }

    @Test func `a late answer does not reach the next request in its slot`() throws {
        var table = PendingTable<Int>(capacity: 1)
        let late = try table.admit(1, deadline: 10)
        let removed2 = table.removeExpired(now: 10)
        #expect(removed2 == [1])
        let next = try table.admit(2, deadline: 20)
        let removed3 = table.remove(late)
        #expect(removed3 == nil)
        let removed4 = table.remove(next)
        #expect(removed4 == 2)
        let removed5 = table.remove(next)
        #expect(removed5 == nil)
    }

    @Test func `only due requests expire`() throws {
        var table = PendingTable<Int>(capacity: 4)
        for deadline in [30, 10, 20] as [UInt64] {
            _ = try table.admit(Int(deadline), deadline: deadline)
        }
        let removed6 = table.removeExpired(now: 9)
        #expect(removed6.isEmpty)
        let removed7 = table.removeExpired(now: 20)
        #expect(Set(removed7) == [10, 20])
        #expect(table.count == 1)
        let removed8 = table.removeAll()
        #expect(removed8 == [30])
        #expect(table.isEmpty)
    }

    @Test func `an unknown id finds no request`() {
        var table = PendingTable<Int>(capacity: 4)
        let removed9 = table.remove(0)
        #expect(removed9 == nil)
        let removed10 = table.remove(.max)
        #expect(removed10 == nil)
    }
}

extension PendingTable {
    private struct Full: Error {}

    /// Inserts into a table that has room.
    fileprivate mutating func admit(_ waiter: Waiter, deadline: UInt64) throws -> UInt64 {
        guard let id = insert(waiter, deadline: deadline) else { throw Full() }
        return id
    }
}
