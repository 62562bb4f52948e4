/// The server as a service: listeners, a loop server for each event loop, lanes, events.
public import CouponCore
internal import CouponWire
public import Logging
internal import NIOCore
public import NIOPosix
public import ServiceLifecycle
internal import Synchronization

/// Serves the protocol until graceful shutdown, then drains.
///
/// Each event loop listens on the same port (SO_REUSEPORT), so a connection stays on the loop that accepted
/// it.
public struct CouponServer: Service {
    let group: MultiThreadedEventLoopGroup
    let configuration: ServerConfiguration
    let environment: any ServerEnvironment
    let work: Lanes
    private let relay: EventRelay
    let loopServers: LoopServers
    let accepting: AcceptWatch
    let handshakes: HandshakeWatch
    let logger: Logger

    /// - Parameter group: the event loops; each gets a worker.
    public init(
        group: MultiThreadedEventLoopGroup, configuration: ServerConfiguration,
        environment: any ServerEnvironment, logger: Logger
    ) {
        self.group = group
        self.configuration = configuration
        self.environment = environment
        self.logger = logger
        accepting = AcceptWatch(logger: logger)
        handshakes = HandshakeWatch(logger: logger)
        loopServers = LoopServers(
            eventLoops: group.makeIterator().reduce(0) { count, _ in count + 1 },
            configuration.limits)
        let loopServers = loopServers
        work = Lanes { lane in
            BlockingLane(
                lane, worker: configuration.worker, environment: environment,
                loopServers: loopServers, logger: logger)
        }
        relay = EventRelay(
            environment: environment, loopServers: loopServers, watches: work.watches,
            clocks: configuration.worker.clocks, logger: logger)
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
            let metricsListeners = try await startMetricsListeners()
            tasks.addTask { await repeatRecurringWork() }
            await untilReady()
            let listeners = try await listen(made)
            let address = Set(listeners.map { "\($0.localAddress, default: "?")" }).sorted()
                .joined(separator: ", ")
            logger.info("listening", metadata: [LogKey.address: "\(address)"])
            environment.listening(on: address)
            tasks.addTask { await feedWatchdog() }
            tasks.addTask { await reportStatus() }
            let isDisconnected = await untilStopped(listeners + metricsListeners)
            await drain(listeners)
            for listener in metricsListeners { try? await listener.close().get() }
            tasks.cancelAll()
            if isDisconnected { throw ListenerLost() }
        }
    }

    /// Reads again the settings that a reload may change, and empties all front doors.
    /// - Throws: the reason, if nothing has changed.
    public func reload() async throws(Failure) -> ReloadReport {
        switch await work.reloads.reload(by: nil) {
        case .reloaded(let report): return report
        case .failure(let failure): throw failure
        default: throw Failure(.internal, "the answer to a reload is for another method")
        }
    }

    /// Each second every daemon reads the partitions and drops older epochs (rule 15).
    private func repeatRecurringWork() async {
        while !Task.isCancelled {
            work.submitRecurring()
            _ = try? await observe(on: group.any()).get()
            do { try await Task.sleep(for: .seconds(1)) } catch { return }
        }
    }

    /// Gives a sign of life in each period, unless a thread or an event loop stands still. If one does, there
    /// are no more signs, and the watchdog ends the daemon. A round through the event loops may take several
    /// periods: if the machine swaps, a restart does not help.
    private func feedWatchdog() async {
        guard let period = configuration.watchdogPeriod else { return }
        let clocks = configuration.worker.clocks
        let round = LoopRound()
        while (try? await Task.sleep(for: period)) != nil {
            if round.isOver {
                round.begin(at: clocks.now())
                loopServers.collect(on: group.any()) { _ in true }.whenComplete { _ in round.end() }
            }
            let threads = [
                ("event loops", round.began), ("scheduler", environment.schedulerProgress),
                ("events", relay.progress),
            ]
            let stuck = StuckThreads(
                threads: threads, lanes: work.lanes.map { ($0.kind, $0.jobBegan) },
                period: period, now: clocks.now())
            guard stuck.names.isEmpty else {
                logger.error(
                    "threads stand still: the watchdog is not fed",
                    metadata: [LogKey.name: "\(stuck.names.joined(separator: ", "))"])
                continue
            }
            environment.alive()
        }
    }

    /// Reports the state of the daemon every few seconds.
    private func reportStatus() async {
        let clocks = configuration.worker.clocks
        let partitions = configuration.worker.partitioning
        var line = StatusLine(now: clocks.now())
        while (try? await Task.sleep(for: .seconds(Limits.statusLineSeconds))) != nil {
            let loop = group.any()
            let answers = loopServers.collect(on: loop) { $0.counts.total }
            let found = try? await answers.and(observe(on: loop)).get()
            guard let (answers, observed) = found, !Task.isShuttingDownGracefully else { return }
            environment.report(
                line.next(
                    connections: loopServers.connections.load(ordering: .relaxed),
                    answers: answers.reduce(0, +),
                    queued: environment.schedulerState.queues.values.reduce(0) {
                        $0 + Int($1.entries)
                    },
                    owned: partitions.all.count { environment.owns($0) },
                    condition: observed.condition, now: clocks.now()))
        }
    }

    /// Waits for the gates before listening, but at most 5 s: without Redis or PostgreSQL the daemon can
    /// still answer some requests.
    private func untilReady() async {
        let clocks = configuration.worker.clocks
        let deadline = clocks.now().advanced(byMilliseconds: 5_000)
        while clocks.now() < deadline, !Task.isShuttingDownGracefully {
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
                    LoopServer(
                        loop: loop, configuration: configuration, environment: environment,
                        work: work, loopServers: loopServers, logger: logger),
                    eventLoop: loop)
            }.get()
            loopServers.add(loopServer)
            made.append(loopServer)
        }
        return made
    }

    /// In this order (rule 47): no new connections, clients leave, no new requests, answers, the rest.
    private func drain(_ listeners: [any Channel]) async {
        loopServers.areDraining.store(true, ordering: .relaxed)
        logger.info("draining")
        environment.draining(
            withinMilliseconds: configuration.drainMilliseconds + Limits.lastTrailLinesMilliseconds)
        for listener in listeners { try? await listener.close().get() }
        work.watches.drain()
        let clocks = configuration.worker.clocks
        let deadline = clocks.now().advanced(byMilliseconds: configuration.drainMilliseconds)
        await untilClientsHaveLeft()
        loopServers.each { loopServer in loopServer.withWorker { $0.drain() } }
        var reportAt = clocks.now().advanced(byMilliseconds: 1_000)
        var left = await requestsInFlight()
        while left > 0, clocks.now() < deadline {
            if clocks.now() >= reportAt {
                environment.stillDraining(left)
                reportAt = clocks.now().advanced(byMilliseconds: 1_000)
            }
            try? await Task.sleep(for: .milliseconds(10))
            left = await requestsInFlight()
        }
        // The drain goes on, for the last lines of the trail and the scheduler's last transaction.
        environment.stillDraining(left)
        if left > 0 {
            logger.warning("the drain timed out", metadata: [LogKey.requests: "\(left)"])
        }
        _ = try? await loopServers.collect(on: group.any()) { $0.close() }.get()
        await work.writeLastLines(areCallersLeft: left > 0)
        environment.drained()
    }

    /// Clients that know `GoAway` send their next requests elsewhere, and close when all is answered. Until
    /// then, for a second at most, requests are served as before. Without such clients there is no wait.
    private func untilClientsHaveLeft() async {
        loopServers.each { $0.goAway() }
        let clocks = configuration.worker.clocks
        let milliseconds = min(Limits.goAwayMilliseconds, configuration.drainMilliseconds / 2)
        let deadline = clocks.now().advanced(byMilliseconds: milliseconds)
        while clocks.now() < deadline {
            let counts = try? await loopServers.collect(on: group.any()) { $0.clientsThatLeave }
                .get()
            guard let counts, counts.contains(where: { $0 > 0 }) else { return }
            try? await Task.sleep(for: .milliseconds(10))
        }
    }

    private func requestsInFlight() async -> Int {
        let counts = try? await loopServers.collect(on: group.any()) { $0.requestsInFlight }.get()
        return (counts ?? []).reduce(0, +)
    }
}
