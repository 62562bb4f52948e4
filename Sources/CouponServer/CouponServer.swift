/// The front of the daemon as a service: listeners, a loop server for each event loop, lanes, events.
public import CouponCore
public import Logging
internal import NIOCore
public import NIOPosix
public import ServiceLifecycle

/// Serves the protocol until graceful shutdown, then drains.
///
/// Each event loop listens on the same port for itself (SO_REUSEPORT), so that a connection stays on the
/// loop that accepted it.
public struct CouponServer: Service {
    let group: MultiThreadedEventLoopGroup
    let options: ServerOptions
    let work: Lanes
    private let relay: EventRelay
    let loopServers: LoopServers
    let accepting: AcceptWatch
    let logger: Logger

    /// - Parameters:
    ///   - group: the event loops; each gets a worker.
    ///   - store: makes a lane's session with PostgreSQL; called on its thread.
    ///   - gates: makes a lane's connection to Redis; called on its thread.
    ///   - events: makes the event subscription; called on its thread.
    public init(
        group: MultiThreadedEventLoopGroup, options: ServerOptions,
        store: @escaping @Sendable () -> any LaneStore,
        gates: @escaping @Sendable () -> any LaneGates,
        events: @escaping @Sendable () -> any EventSource, logger: Logger
    ) {
        self.group = group
        self.options = options
        self.logger = logger
        accepting = AcceptWatch(logger: logger)
        loopServers = LoopServers()
        let loopServers = loopServers
        work = Lanes { lane in
            BlockingLane(
                lane, partitioning: options.worker.partitioning, store: store, gates: gates,
                owns: lane == .audits ? options.owns : nil, loopServers: loopServers,
                logger: logger, clocks: options.worker.clocks,
                reloadSettings: options.reloadSettings)
        }
        relay = EventRelay(source: events, loopServers: loopServers, logger: logger)
    }

    /// Listens, serves, drains.
    public func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for lane in work.lanes { tasks.addTask { await lane.run() } }
            defer {
                work.finish()
                relay.stop()
            }
            let made = try await makeLoopServers()
            // A loop server that is added later would miss the signal `up`.
            tasks.addTask { await relay.run() }
            let observation = try await observe()
            tasks.addTask { await lookAround() }
            await untilReady()
            let listeners = try await listen(made)
            logger.info(
                "listening", metadata: ["address": "\(listeners[0].localAddress, default: "?")"])
            if let address = listeners[0].localAddress { options.onListening(address) }
            tasks.addTask { await showLife() }
            let isDisconnected = await untilStopped(listeners + [observation].compactMap(\.self))
            await drain(listeners)
            try? await observation?.close().get()
            tasks.cancelAll()
            if isDisconnected { throw ListenerLost() }
        }
    }

    /// Reads settings anew and drops what the local caches remember: everything is asked again.
    public func reload() async { _ = await work.admin.reload() }

    /// Every daemon reads the partitions each second and drops older epochs (rule 15).
    private func lookAround() async {
        while !Task.isCancelled {
            work.lookAround()
            do { try await Task.sleep(for: .seconds(1)) } catch { return }
        }
    }

    /// Tells the watchdog of every round through all event loops; a loop that hangs ends it.
    private func showLife() async {
        guard let watchdog = options.watchdog else { return }
        while (try? await Task.sleep(for: watchdog.period)) != nil {
            _ = try? await loopServers.collect(on: group.any()) { _ in true }.get()
            watchdog.alive()
        }
    }

    /// Who connects is to be served: the gates open first. Not for ever, because a daemon without Redis or
    /// PostgreSQL has answers too.
    private func untilReady() async {
        let clocks = options.worker.clocks
        let patience = clocks.now().advanced(byMilliseconds: 5_000)
        while clocks.now() < patience, !Task.isShuttingDownGracefully {
            let reasons = try? await loopServers.collect(on: group.any()) { $0.whyNotReady }.get()
            if reasons?.allSatisfy({ $0 == nil }) == true { return }
            work.news.refreshPartitions()
            try? await Task.sleep(for: .milliseconds(10))
        }
        logger.warning("listening before every gate is open")
    }

    private func makeLoopServers() async throws -> [NIOLoopBound<LoopServer>] {
        var made: [NIOLoopBound<LoopServer>] = []
        for loop in group.makeIterator() {
            let loopServer = try await loop.submit {
                NIOLoopBound(
                    LoopServer(loop: loop, options: options, work: work, loopServers: loopServers),
                    eventLoop: loop)
            }.get()
            loopServers.add(loopServer)
            made.append(loopServer)
        }
        return made
    }

    /// In this order (rule 47): no new connections, no new requests, answers, the rest.
    private func drain(_ listeners: [any Channel]) async {
        logger.info("draining")
        options.onDraining()
        for listener in listeners { try? await listener.close().get() }
        loopServers.each { loopServer in loopServer.withWorker { $0.drain() } }
        let deadline = options.worker.clocks.now().advanced(
            byMilliseconds: options.drainMilliseconds)
        while await requestsInFlight() > 0, options.worker.clocks.now() < deadline {
            try? await Task.sleep(for: .milliseconds(10))
        }
        let left = await requestsInFlight()
        if left > 0 { logger.warning("drain ran out of time", metadata: ["requests": "\(left)"]) }
        _ = try? await loopServers.collect(on: group.any()) { $0.close() }.get()
    }

    private func requestsInFlight() async -> Int {
        let counts = try? await loopServers.collect(on: group.any()) { $0.requestsInFlight }.get()
        return (counts ?? []).reduce(0, +)
    }
}
