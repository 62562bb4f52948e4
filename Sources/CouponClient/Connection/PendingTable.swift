/// The unanswered requests of one connection.
///
/// A request's id is a rising number, followed by the index of its slot. So an answer finds its waiter by one
/// array access, and a late answer never reaches another request's waiter. A dictionary by id
/// would cost several times as much for each request.
struct PendingTable<Waiter> {
    /// The most slots that an id can number.
    static var maximumCapacity: Int { 1 << slotBits }
    private static var slotBits: Int { 16 }

    private struct Slot {
        var id: UInt64
        var deadline: UInt64
        var waiter: Waiter
    }

    private var slots: [Slot?] = []
    private var free: [Int] = []
    private var lastNumber: UInt64 = 0
    private let capacity: Int

    /// How many requests are unanswered.
    private(set) var count = 0

    /// - Parameter capacity: unanswered requests at most, 1 to `maximumCapacity`.
    init(capacity: Int) {
        precondition((1...Self.maximumCapacity).contains(capacity), "the capacity is out of range")
        self.capacity = capacity
    }

    /// Whether nothing is unanswered.
    var isEmpty: Bool { count == 0 }

    /// Whether no further request fits.
    var isFull: Bool { count == capacity }

    /// Remembers a request and gives it an id, never 0; nil if the table is full.
    /// - Parameter deadline: in nanoseconds of the connection's clock.
    mutating func insert(_ waiter: Waiter, deadline: UInt64) -> UInt64? {
        guard !isFull else { return nil }
        if free.isEmpty {
            free.append(slots.count)
            slots.append(nil)
        }
        let index = free.removeLast()
        lastNumber += 1
        let id = lastNumber << UInt64(Self.slotBits) | UInt64(index)
        slots[index] = Slot(id: id, deadline: deadline, waiter: waiter)
        count += 1
        return id
    }

    /// Forgets a request and returns its waiter; nil if it has ended already.
    mutating func remove(_ id: UInt64) -> Waiter? {
        let index = Int(truncatingIfNeeded: id & UInt64(Self.maximumCapacity - 1))
        guard index < slots.count, let slot = slots[index], slot.id == id else { return nil }
        return vacate(index, slot)
    }

    /// Forgets the requests whose deadline is `now` or earlier, and returns their waiters.
    mutating func removeExpired(now: UInt64) -> [Waiter] {
        removeAll { $0.deadline <= now }
    }

    /// Forgets everything, and returns all waiters.
    mutating func removeAll() -> [Waiter] { removeAll { _ in true } }

    private mutating func removeAll(where matches: (Slot) -> Bool) -> [Waiter] {
        var waiters: [Waiter] = []
        for index in slots.indices {
            guard let slot = slots[index], matches(slot) else { continue }
            waiters.append(vacate(index, slot))
        }
        return waiters
    }

    private mutating func vacate(_ index: Int, _ slot: Slot) -> Waiter {
        slots[index] = nil
        free.append(index)
        count -= 1
        return slot.waiter
    }
}
