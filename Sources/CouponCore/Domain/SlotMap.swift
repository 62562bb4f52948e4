/// Values in slots that are reused. A key has the slot and its generation, so an old key never finds a newer
/// value in the same slot.
///
/// Inlinable: each answer passes through it, and unspecialised it costs ten times as much.
public struct SlotMap<Value> {
    @usableFromInline var slots: [Value?] = []
    @usableFromInline var generations: [UInt32] = []
    @usableFromInline var free: [Int] = []

    /// An empty map.
    @inlinable
    public init() {}

    /// How many values there are.
    @inlinable
    public var count: Int { slots.count - free.count }

    /// The keys of all values.
    public var keys: [UInt64] {
        slots.indices.filter { slots[$0] != nil }.map { key(ofSlot: $0) }
    }

    /// All values.
    public var values: [Value] { slots.compactMap { $0 } }

    /// Adds a value; its key is never given again until 2^32 others have used the slot.
    @inlinable
    public mutating func add(_ value: Value) -> UInt64 {
        if let slot = free.popLast() {
            slots[slot] = value
            return key(ofSlot: slot)
        }
        slots.append(value)
        generations.append(0)
        return key(ofSlot: slots.count - 1)
    }

    /// The value of a key; nil if it was removed. Setting changes only a value that is there.
    @inlinable
    public subscript(key: UInt64) -> Value? {
        get { slot(of: key).flatMap { slots[$0] } }
        set {
            guard let slot = slot(of: key), slots[slot] != nil, let newValue else { return }
            slots[slot] = newValue
        }
    }

    /// Removes and returns a value; nil if it is not there.
    @inlinable
    public mutating func remove(_ key: UInt64) -> Value? {
        guard let slot = slot(of: key), let value = slots[slot] else { return nil }
        slots[slot] = nil
        generations[slot] &+= 1
        free.append(slot)
        return value
    }

    @inlinable
    func key(ofSlot slot: Int) -> UInt64 { UInt64(generations[slot]) << 32 | UInt64(slot) }

    @inlinable
    func slot(of key: UInt64) -> Int? {
        let slot = Int(key & 0xFFFF_FFFF)
        return slot < slots.count && generations[slot] == UInt32(key >> 32) ? slot : nil
    }
}
