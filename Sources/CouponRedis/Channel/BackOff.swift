/// How long to wait before the next attempt to reach Redis. Half of it is jitter, so daemons and their
/// connections do not come back all at once.
struct BackOff {
    private let shortest: Int64
    private let longest: Int64
    private(set) var failures = 0

    /// The pause after the first failure, and after many, in milliseconds.
    init(shortest: Int64 = 50, longest: Int64 = 2_000) {
        self.shortest = shortest
        self.longest = longest
    }

    /// The pause after one more failure. The first one is random, from half of `shortest` to all of it; the
    /// range doubles with each further failure.
    mutating func next() -> Int64 {
        let full = min(shortest << Int64(min(failures, 16)), longest)
        failures += 1
        return .random(in: full / 2...full)
    }

    /// After a success.
    mutating func reset() { failures = 0 }
}
