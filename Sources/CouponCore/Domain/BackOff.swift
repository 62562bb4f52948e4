/// How long to wait before the next try. Half of it is jitter, so daemons and their connections do not come
/// back all at once.
package struct BackOff: Sendable {
    private let shortest: Int64
    private let longest: Int64
    /// Since the last success.
    package private(set) var failures = 0

    /// The longest pause after the first failure, and after many, in milliseconds.
    package init(shortest: Int64 = 50, longest: Int64 = 2_000) {
        self.shortest = shortest
        self.longest = longest
    }

    /// The pause after one more failure, in milliseconds. The first one is random, from half of `shortest` to
    /// all of it; the range doubles with each further failure.
    package mutating func next(using random: inout some RandomNumberGenerator) -> Int64 {
        let full = min(shortest << Int64(min(failures, 16)), longest)
        failures += 1
        return .random(in: full / 2...full, using: &random)
    }

    /// The same, with the system's random numbers.
    package mutating func next() -> Int64 {
        var random = SystemRandomNumberGenerator()
        return next(using: &random)
    }

    /// After a success.
    package mutating func reset() { failures = 0 }
}
