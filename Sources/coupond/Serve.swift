/// The composition root: from a configuration to a running daemon.

/// Serves until it is told to stop.
func serve(_ configuration: Configuration) async throws {
}
