/// A bounded dictionary that drops values that were not set for a while. It has two generations: when the
/// younger one is full, the older one is dropped as a whole. Dropping one value at a time costs far more: a
/// hash table that is emptied from one end has long runs to search.
struct RecentlySet<Key: Hashable, Value> {
    private let half: Int
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]

    /// - Parameter capacity: values at most; at least 2.
    init(capacity: Int) { half = capacity / 2 }

    var count: Int { young.count + old.count }

    /// What `latest` returned last: in a sale everybody asks for the same key.
    private var last: (key: Key, value: Value)?

    /// The value of a key; fast for the key that was used last.
    mutating func latest(_ key: Key) -> Value? {
        if let last, last.key == key { return last.value }
        let value = self[key]
        if let value { last = (key, value) }
        return value
    }

    /// The value of a key. Setting it makes it young again.
    subscript(key: Key) -> Value? {
        get { young[key] ?? old[key] }
        set {
            last = nil
            old[key] = nil
            young[key] = newValue
            guard young.count >= half else { return }
            old = young
            young = [:]
        }
    }

    mutating func removeAll() {
        last = nil
        young.removeAll(keepingCapacity: true)
        old.removeAll()
    }
}
