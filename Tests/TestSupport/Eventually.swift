/// How a test waits: for a condition, never for a time.

/// A condition that did not come true in time.
public struct NeverHeld: Error, CustomStringConvertible {
    /// What was waited for, for how long, and the last error of looking.
    public let description: String
}

/// How often it is looked before a condition is said not to hold.
private let fewestLooks = 50

/// Waits until `condition` returns true, looking again every few milliseconds.
/// - Parameters:
///   - what: names the condition in the error; only asked for then.
///   - limit: long, because it is only spent when the test fails. The time of ``FairClock``.
///   - condition: an error that it throws counts as "not yet", and is told if it was the last.
/// - Throws: ``NeverHeld``, or `CancellationError`.
public func eventually(
    _ what: @autoclosure () -> String = "the condition", within limit: Duration = .seconds(20),
    _ condition: () async throws -> Bool
) async throws {
    let deadline = FairClock.now + limit
    var lastError: (any Error)?
    var looks = 0
    while true {
        looks += 1
        do {
            if try await condition() { return }
            lastError = nil
        } catch {
            lastError = error
        }
        // Few looks in a long time say that the machine is busy, not that the condition does not hold.
        guard FairClock.now < deadline || looks < fewestLooks else { break }
        try await Task.sleep(for: .milliseconds(5))
    }
    let reason = lastError.map { ": \($0)" } ?? ""
    throw NeverHeld(description: "\(what()) did not hold within \(limit)\(reason)")
}
