/// The small values on which everything else is built.
import CouponCore
import Testing

@Suite struct DomainTests {
    @Test func `a timestamp saturates instead of overflowing`() {
        let now = Timestamp(microseconds: 5)
        #expect(now.advanced(byMilliseconds: 2).microseconds == 2_005)
        #expect(now.advanced(byMilliseconds: .max).microseconds == .max)
        #expect(now.advanced(byMilliseconds: .min).microseconds == .min)
        let last = Timestamp(microseconds: .max - 1)
        #expect(last.advanced(byMilliseconds: 1).microseconds == .max)
        #expect(
            Timestamp(microseconds: .min + 1).advanced(byMilliseconds: -1).microseconds == .min)
    }

    @Test func `positions are ordered by epoch before number`() {
        #expect(Position(epoch: 1, n: 9) < Position(epoch: 2, n: 0))
        #expect(Position(epoch: 2, n: 1) < Position(epoch: 2, n: 2))
        #expect("\(Position(epoch: 3, n: 7))" == "3-7")
    }

    @Test func `the next number or the first of a later epoch follows without a gap`() {
        let here = Position(epoch: 2, n: 5)
        #expect(here.isFollowed(by: Position(epoch: 2, n: 6)))
        #expect(here.isFollowed(by: Position(epoch: 4, n: 1)))
        for other in [
            Position(epoch: 2, n: 5), Position(epoch: 2, n: 7), Position(epoch: 3, n: 2),
            Position(epoch: 1, n: 1), Position(epoch: 1, n: 6),
        ] {
            #expect(!here.isFollowed(by: other), "\(other)")
        }
        let last = Position(epoch: 2, n: .max)
        #expect(!last.isFollowed(by: last))
    }

    @Test(arguments: 0...16)
    func `a request id keeps its bytes and its length`(_ length: Int) throws {
        let bytes = (0..<length).map { UInt8(0xF0 &+ $0) }
        let id = try #require(RequestID(bytes))
        #expect(id.bytes == bytes)
        #expect(id.count == length)
        #expect(id.isEmpty == (length == 0))
        #expect(RequestID(high: id.highBits, low: id.lowBits, length: UInt8(length)) == id)
    }

    @Test func `request ids that differ in length alone are different`() {
        #expect(RequestID([0]) != RequestID([0, 0]))
        #expect(RequestID([0]) != RequestID.empty)
        #expect(RequestID([UInt8](repeating: 1, count: 17)) == nil)
        #expect(RequestID.random() != RequestID.random())
        #expect(RequestID.random().count == 16)
    }

    @Test func `each coupon has one partition, and ids spread over all`() {
        let partitioning = Partitioning(count: 16)
        #expect(partitioning.all.map(\.rawValue) == Array(0..<16))
        #expect(partitioning.partition(of: CouponID(33)).rawValue == 1)
        #expect(partitioning.partition(of: CouponID(.max)).rawValue == 15)
        let used = Set((1...64).map { partitioning.partition(of: CouponID($0)) })
        #expect(used.count == 16)
    }

    @Test func `an old key does not find a newer value in its slot`() {
        var map = SlotMap<String>()
        let first = map.add("first")
        #expect(map.remove(first) == "first")
        let second = map.add("second")
        #expect(first != second)
        #expect(map[first] == nil)
        map[first] = "late"
        #expect(map[second] == "second")
        #expect(map.remove(first) == nil)
        #expect(map.count == 1)
        #expect(map.values == ["second"])
        #expect(map.keys == [second])
        map[second] = "changed"
        #expect(map.remove(second) == "changed")
        #expect(map.count == 0)
    }

    @Test func `a coupon is sold out when all of its total is issued`() {
        let window = Window(opens: .zero, closes: Timestamp(microseconds: 1))
        var coupon = Coupon(id: CouponID(1), title: "t", total: 2, window: window)
        #expect(!coupon.isSoldOut && coupon.remaining == 2)
        coupon.issued = 2
        #expect(coupon.isSoldOut && coupon.remaining == 0)
        coupon.issued = 3  // rows written past the daemon
        #expect(coupon.isSoldOut && coupon.remaining == 0)
        coupon.total = nil
        #expect(!coupon.isSoldOut && coupon.remaining == nil)
    }

    @Test func `a Redis identity is the same after it was a text in PostgreSQL`() {
        let identity = RedisIdentity(runID: "a", replicationID: "b")
        #expect(RedisIdentity("\(identity)") == identity)
        for text in ["", "a", ":", "a:", ":b", "a:b:c"] { #expect(RedisIdentity(text) == nil) }
    }
}

@Suite struct DoorTests {
    private let window = Window(
        opens: Timestamp(microseconds: 100), closes: Timestamp(microseconds: 200))

    private func door(
        _ state: CouponState, at now: Int64, isFull: Bool = false, isSoldOut: Bool = false
    ) -> Door {
        Door(
            state: state, window: window, isFull: isFull, isSoldOut: isSoldOut,
            now: Timestamp(microseconds: now))
    }

    @Test func `state is judged before window, window before quantity`() {
        let opens = window.opens
        #expect(door(.closed, at: 50, isFull: true) == .closed(.closed))
        #expect(door(.paused, at: 250, isFull: true) == .closed(.paused))
        #expect(door(.active, at: 50, isFull: true) == .closed(.notOpen(opens: opens)))
        #expect(door(.active, at: 250, isSoldOut: true) == .closed(.ended(closed: window.closes)))
        #expect(door(.active, at: 150, isFull: true, isSoldOut: true) == .closed(.soldOut))
        #expect(door(.active, at: 150, isFull: true) == .closed(.full))
        #expect(door(.active, at: 150) == .open)
    }

    @Test func `a window includes its first moment and excludes its last`() {
        #expect(door(.active, at: 99) == .closed(.notOpen(opens: window.opens)))
        #expect(door(.active, at: 100) == .open)
        #expect(door(.active, at: 199) == .open)
        #expect(door(.active, at: 200) == .closed(.ended(closed: window.closes)))
    }
}

@Suite struct MembershipTests {
    @Test(arguments: [(16, 1), (16, 2), (16, 3), (16, 5), (7, 16), (1_024, 7)])
    func `shares are even and cover all partitions`(_ partitions: Int, _ members: Int) {
        let shares = (0..<members).map {
            Membership(rank: $0, count: members).share(of: partitions)
        }
        #expect(shares.reduce(0, +) == partitions)
        #expect((shares.max() ?? 0) - (shares.min() ?? 0) <= 1)
    }
}
