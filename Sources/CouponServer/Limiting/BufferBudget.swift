/// The bytes that the connections of one event loop hold: an upper bound that is cheap to keep. Only when the
/// bound is above the limit are the connections measured.
struct BufferBudget {
    var limit: Int
    private var bound = 0

    init(limit: Int) { self.limit = limit }

    /// After a measurement that found too much, connections are closed until no more is left than this. Below
    /// the limit, so that measurements stay rare.
    var target: Int { limit / 4 * 3 }

    /// Whether the connections must be measured.
    var isReached: Bool { bound > limit }

    /// Bytes have come and are not handled yet, or were given to a socket. They may be gone soon.
    mutating func add(_ bytes: Int) { bound += bytes }

    /// Sets how many bytes are held. If that is near the limit or above it, a sixteenth of the limit may be
    /// added before the next measurement, so that not every turn measures.
    mutating func measured(_ bytes: Int) { bound = min(bytes, limit - limit / 16) }
}
