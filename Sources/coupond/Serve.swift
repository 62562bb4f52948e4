/// The composition root: from a configuration to a running daemon.

/// Serves until it is told to stop.
/// - Throws: an `ExitCode` for an end that docs/OPERATIONS.md names; anything else is a fault of ours.
func serve(_ configuration: Configuration) async throws {
}
