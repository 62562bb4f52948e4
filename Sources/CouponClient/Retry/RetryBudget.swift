internal import NIOCore

/// How many retries a client may make: a bucket of tokens. A retry takes one; each call adds a part of one.
/// So while a daemon is in trouble the retries of all calls together add only that part to its load. A few a
/// second are always allowed: a service with few calls would wait long for its next token.
struct RetryBudget: Sendable {
    private static let most = 100.0
    private static let perCall = 0.2
    private static let perSecond = 10.0

    private var tokens = most
    /// When the tokens of the time that has passed were added.
    private var filled: NIODeadline

    init(now: NIODeadline = .now()) { filled = now }

    /// A call begins.
    mutating func deposit() { tokens = min(Self.most, tokens + Self.perCall) }

    /// Whether a retry may be made.
    mutating func withdraw(now: NIODeadline) -> Bool {
        let seconds = Double((now - filled).nanoseconds) / 1e9
        tokens = min(Self.most, tokens + seconds * Self.perSecond)
        filled = now
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}
