/// How the server comes to its connections and sessions.
public import CouponCore
public import NIOCore

/// Makes the server's connections to Redis and its sessions with PostgreSQL.
public protocol BackendFactory: Sendable {
    /// A lane's session with PostgreSQL; called on the lane's thread.
    func makeStore() -> any LaneStore
    /// A lane's connection to Redis; called on the lane's thread.
    /// - Parameter milliseconds: how long it waits for an answer; nil for as long as others.
    func makeGates(answeringWithin milliseconds: Int64?) -> any LaneGates
    /// The event subscription; called on its thread.
    func makeEvents() -> any EventSource
    /// A worker's connections to the gates; called on its event loop.
    func makeWorkerGates(on loop: any EventLoop) -> any GateSource
}
