/// A condition that did not become true in time.
public struct NeverHeld: Error, CustomStringConvertible {
    /// The condition, the limit, and the last error of a check.
    public let description: String
}

/// How often a condition is checked before the wait gives up.
private let fewestChecks = 50

/// Waits until `condition` returns true. Checks it every few milliseconds: tests wait for conditions, never
/// for a time.
/// - Parameters:
///   - what: names the condition in the error; only evaluated then.
///   - limit: by ``FairClock``. It is long, because only a failing test spends it.
///   - condition: an error that it throws means "not yet"; the last one is part of the error.
/// - Throws: ``NeverHeld``, or `CancellationError`.
public func eventually(
    _ what: @autoclosure () -> String = "the condition", within limit: Duration = .seconds(60),
    _ condition: () async throws -> Bool
) async throws {
    let deadline = FairClock.now + limit
    var lastError: (any Error)?
    var checks = 0
    while true {
        checks += 1
        do {
            if try await condition() { return }
            lastError = nil
        } catch {
            lastError = error
        }
        // Few checks in a long time mean that the machine is busy, not that the condition does not hold.
        guard FairClock.now < deadline || checks < fewestChecks else { break }
        try await Task.sleep(for: .milliseconds(5))
    }
    let reason = lastError.map { ": \($0)" } ?? ""
    throw NeverHeld(description: "\(what()) did not hold within \(limit)\(reason)")
}
