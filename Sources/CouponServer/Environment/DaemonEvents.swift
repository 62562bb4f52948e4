/// What the server reports to the daemon around it.

/// The life of the server, as systemd learns of it.
public protocol DaemonEvents: Sendable {
    /// The daemon serves callers; called once.
    func listening(on address: String)
    /// The state of the daemon, in a line for people.
    func report(_ status: String)
    /// The daemon accepts no new callers.
    /// - Parameter milliseconds: how long answers to callers, and the last lines of the trail, may take.
    func draining(withinMilliseconds milliseconds: Int64)
    /// Every caller is answered, and the last lines of the trail are written or given up.
    func drained()
    /// The drain goes on; called each second, and at its end.
    func stillDraining(_ requests: Int)
    /// Every event loop and thread gets on with its work; called once in each `watchdogPeriod`.
    func alive()
}
