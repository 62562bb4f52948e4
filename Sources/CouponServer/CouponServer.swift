/// The front of the daemon as a service: listeners, one desk for each event loop, the catalog, the events.
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
    private let catalog: Catalog
    private let audits: Catalog
    private let relay: EventRelay
    let roster: Roster
    private let logger: Logger

    /// - Parameters:
    ///   - group: the event loops; each gets a worker.
    ///   - store: makes the catalog's session with PostgreSQL; called on its thread.
    ///   - gates: makes the catalog's connection to Redis; called on its thread.
    ///   - events: makes the event subscription; called on its thread.
    public init(
        group: MultiThreadedEventLoopGroup, options: ServerOptions,
        store: @escaping @Sendable () -> any CatalogStore,
        gates: @escaping @Sendable () -> any CatalogGates,
        events: @escaping @Sendable () -> any EventSource, logger: Logger
    ) {
        self.group = group
        self.options = options
        self.logger = logger
        roster = Roster()
        let roster = roster
        func catalog(_ name: String, _ auditor: Auditor? = nil) -> Catalog {
            Catalog(
                name: name, partitioning: options.worker.partitioning, store: store,
                gates: gates, auditor: auditor, roster: roster, logger: logger,
                clocks: options.worker.clocks, reloadSettings: options.reloadSettings)
        }
        self.catalog = catalog("coupond.catalog")
        audits = catalog("coupond.audits", Auditor(owns: options.owns))
        relay = EventRelay(source: events, roster: roster)
    }

    /// Listens, serves, drains.
    public func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await catalog.run() }
            tasks.addTask { await audits.run() }
            defer {
                catalog.finish()
                audits.finish()
                relay.stop()
            }
            let desks = try await makeDesks()
            // Not before every desk is there: one that misses the subscription's beginning is deaf.
            tasks.addTask { await relay.run() }
            let observation = try await observe()
            tasks.addTask { try await pollPartitions() }
            await untilReady()
            let listeners = try await listen(desks)
            logger.info(
                "listening", metadata: ["address": "\(listeners[0].localAddress, default: "?")"])
            if let address = listeners[0].localAddress { options.onListening(address) }
            tasks.addTask { await showLife() }
            try? await gracefulShutdown()
            await drain(listeners)
            try? await observation?.close().get()
            tasks.cancelAll()
        }
    }

    /// Reads settings anew and drops what the local caches remember: everything is asked again.
    public func reload() async { _ = await catalog.reload() }

    /// Every daemon reads the partitions each second and drops older epochs (rule 15).
    private func pollPartitions() async throws {
        while !Task.isCancelled {
            catalog.refreshPartitions()
            _ = catalog.submit {
                $0.keeper.retell()
                $0.letters.tell()
            }
            _ = audits.submit { $0.look() }
            do { try await Task.sleep(for: .seconds(1)) } catch { return }
        }
    }

    /// Tells the watchdog of every round through all event loops; a loop that hangs ends it.
    private func showLife() async {
        guard let watchdog = options.watchdog else { return }
        while (try? await Task.sleep(for: watchdog.period)) != nil {
            _ = try? await roster.collect(on: group.any()) { _ in true }.get()
            watchdog.alive()
        }
    }

    /// Who connects is to be served: the gates open first. Not for ever, because a daemon without Redis or
    /// PostgreSQL has answers too.
    private func untilReady() async {
        let clocks = options.worker.clocks
        let patience = clocks.now().advanced(byMilliseconds: 5_000)
        while clocks.now() < patience, !Task.isShuttingDownGracefully {
            let reasons = try? await roster.collect(on: group.any()) { $0.whyNotReady }.get()
            if reasons?.allSatisfy({ $0 == nil }) == true { return }
            catalog.refreshPartitions()
            try? await Task.sleep(for: .milliseconds(10))
        }
        logger.warning("listening before every gate is open")
    }

    private func makeDesks() async throws -> [NIOLoopBound<Desk>] {
        var desks: [NIOLoopBound<Desk>] = []
        for loop in group.makeIterator() {
            let desk = try await loop.submit {
                NIOLoopBound(
                    Desk(
                        loop: loop, options: options, catalog: catalog, audits: audits,
                        roster: roster),
                    eventLoop: loop)
            }.get()
            roster.add(desk)
            desks.append(desk)
        }
        return desks
    }

    private func listen(_ desks: [NIOLoopBound<Desk>]) async throws -> [any Channel] {
        var listeners: [any Channel] = []
        for desk in desks {
            let port = listeners.first?.localAddress?.port ?? options.port
            listeners.append(try await bind(desk.eventLoop, desk, port: port))
        }
        return listeners
    }

    private func bind(
        _ loop: any EventLoop, _ desk: NIOLoopBound<Desk>, port: Int
    ) async throws -> any Channel {
        let maximumFrameBytes = options.maximumFrameBytes
        return try await ServerBootstrap(group: loop)
            .serverChannelOption(.backlog, value: 4_096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.socketOption(.init(rawValue: SO_REUSEPORT)), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(
                .writeBufferWaterMark,
                value: .init(
                    low: Limits.unwrittenBytesPerConnection / 4,
                    high: Limits.unwrittenBytesPerConnection)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Connection(desk: desk.value, maximumFrameBytes: maximumFrameBytes))
                }
            }
            .bind(host: options.host, port: port).get()
    }

    /// In this order (SAFETY, hole 39): no new connections, no new requests, answers, the rest.
    private func drain(_ listeners: [any Channel]) async {
        logger.info("draining")
        options.onDraining()
        for listener in listeners { try? await listener.close().get() }
        roster.each { desk in desk.withWorker { $0.drain() } }
        let deadline = options.worker.clocks.now().advanced(
            byMilliseconds: options.drainMilliseconds)
        while await requestsInFlight() > 0, options.worker.clocks.now() < deadline {
            try? await Task.sleep(for: .milliseconds(10))
        }
        let left = await requestsInFlight()
        if left > 0 { logger.warning("drain ran out of time", metadata: ["requests": "\(left)"]) }
        _ = try? await roster.collect(on: group.any()) { $0.close() }.get()
    }

    private func requestsInFlight() async -> Int {
        let counts = try? await roster.collect(on: group.any()) { $0.requestsInFlight }.get()
        return (counts ?? []).reduce(0, +)
    }
}
