/// A loop server on an event loop whose time the test moves, with connections that have no sockets.
import CouponAccess
import CouponCore
import Logging
import NIOCore
import NIOEmbedded

@testable import CouponServer

final class LoopStage {
    let loop = EmbeddedEventLoop()
    let loopServer: LoopServer
    private(set) var connections: [(channel: EmbeddedChannel, connection: ServerConnection)] = []

    init(_ limits: CallerLimits = CallerLimits()) {
        let clocks = Clocks(
            now: { MonotonicTime(nanoseconds: 1) }, wallNow: { Timestamp(microseconds: 1) },
            pause: { _ in })
        let options = WorkerOptions(partitioning: Partitioning(count: 4), clocks: clocks)
        var configuration = ServerConfiguration(version: "test", worker: options)
        configuration.limits = limits
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let loopServers = LoopServers(eventLoops: 1, limits)
        let environment = NoEnvironment()
        let work = Lanes {
            BlockingLane(
                $0, worker: options, environment: environment, loopServers: loopServers,
                logger: logger)
        }
        loopServer = LoopServer(
            loop: loop, configuration: configuration, environment: environment, work: work,
            loopServers: loopServers, logger: logger)
    }

    deinit {
        loopServer.close()
        for (channel, _) in connections { _ = try? channel.finish(acceptAlreadyClosed: true) }
        loop.advanceTime(by: .seconds(1))
    }

    /// Opens connections.
    func connect(_ count: Int) throws {
        for _ in 0..<count {
            let connection = ServerConnection(
                loopServer: loopServer, maximumFrameBytes: Limits.frameBytes,
                entrance: Entrance(isAdmin: false))
            let channel = EmbeddedChannel(handler: connection, loop: loop)
            channel.connect(
                to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
            connections.append((channel, connection))
        }
        loop.run()
    }

    /// Each connection receives these bytes.
    func receive(_ bytes: [UInt8]) throws {
        for (channel, _) in connections { try channel.writeInbound(ByteBuffer(bytes: bytes)) }
        loop.run()
    }

    /// How many are open.
    var open: Int { connections.count { $0.channel.isActive } }

    /// Lets the next turns begin, one after the other, until `count` does not change any more.
    /// - Returns: by how much each turn has changed it.
    func turns(_ count: () throws -> Int) rethrows -> [Int] {
        var changes: [Int] = []
        var before = try count()
        var quiet = 0
        while quiet < 3 {
            loop.advanceTime(by: .microseconds(Limits.turnPauseMicroseconds))
            let now = try count()
            quiet = now == before ? quiet + 1 : 0
            if now != before { changes.append(abs(now - before)) }
            before = now
        }
        return changes
    }
}

/// A daemon that has neither Redis nor PostgreSQL, and whose lanes do nothing.
struct NoEnvironment: ServerEnvironment {
    private final class NoGates: GateSource {
        var mayHaveChanged: (() -> Void)?
        func changedRoutes() -> GateRoutes? { nil }
        func close() {}
    }

    func makeStore() -> any LaneStore { preconditionFailure("no lane runs") }
    func makeGates(answeringWithin milliseconds: Int64?) -> any LaneGates {
        preconditionFailure("no lane runs")
    }
    func makeEvents() -> any EventSource { preconditionFailure("no lane runs") }
    func makeWorkerGates(on loop: any EventLoop) -> any GateSource { NoGates() }

    let adminToken: [UInt8]? = nil
    let callers = Callers()
    func reloadSettings() throws(Failure) -> ReloadedSettings {
        throw Failure(.internal, "there are none")
    }
    let eventRetentionMilliseconds: Int64 = 0
    func owns(_ partition: PartitionID) -> Bool { false }
    let partitionsLent = 0
    let schedulerState = SchedulerState()
    let schedulerProgress: MonotonicTime? = nil
    let whyPartitionsWait: String? = nil
    func countPostgresRollback() {}
    let missingRights: String? = nil
    let topology: Topology? = nil
    let topologyTrouble: String? = nil
    let metrics = ""

    func listening(on address: String) {}
    func report(_ status: String) {}
    func draining(withinMilliseconds milliseconds: Int64) {}
    func drained() {}
    func stillDraining(_ requests: Int) {}
    func alive() {}
}
