/// How many retries a client may make: a bucket of tokens. A retry takes one; each call adds a part of one.
/// So while a daemon is in trouble the retries of all calls together add only that part to its load.
struct RetryBudget: Sendable {
    private static let most = 100.0
    private static let perCall = 0.2

    private var tokens = most

    /// A call begins.
    mutating func deposit() { tokens = min(Self.most, tokens + Self.perCall) }

    /// Whether a retry may be made.
    mutating func withdraw() -> Bool {
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}
