/// How long to wait before the next attempt to reach Redis. Half of it is jitter, so daemons and their
/// connections do not come back all at once.
struct BackOff {
    private static let shortest: Int64 = 50
    private let longest: Int64
    private(set) var failures = 0

    /// - Parameter longest: in milliseconds.
    init(longest: Int64 = 2_000) { self.longest = longest }

    /// After one more failure: from 25 to 50 milliseconds, doubled with each.
    mutating func next() -> Int64 {
        let full = min(Self.shortest << Int64(min(failures, 16)), longest)
        failures += 1
        return .random(in: full / 2...full)
    }

    /// After a success.
    mutating func reset() { failures = 0 }
}
