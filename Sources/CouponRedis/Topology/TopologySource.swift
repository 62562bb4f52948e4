/// Where the nodes of Redis are, read again and again.
public import CouponCore
public import Logging
internal import Glibc
internal import NIOCore
internal import SerialThreads
internal import Synchronization

/// Reads the topology each second, and soon after each sign that it has changed: MOVED, READONLY,
/// CLUSTERDOWN, a broken connection. At most once in 50 ms, whatever happens.
///
/// It never goes back: a server with an earlier epoch has an old view. Used by all threads of the daemon.
public final class TopologySource: Sendable {
    private static let lookMilliseconds = 1_000
    private static let fewestMilliseconds = 50
    /// How old a confirmed topology may be.
    private static let longestAge = Duration.seconds(3)

    /// What is known. Its lock is held only briefly, unlike that of `Reading`.
    private struct Known {
        var topology: Topology?
        /// When the last successful reading began.
        var readAt: ContinuousClock.Instant?
        /// Why the last reading failed; nil if it succeeded.
        var failure: BackendError?
        var isRefreshPlanned = false
        var observers: [UInt64: @Sendable () -> Void] = [:]
        var lastObserver: UInt64 = 0
    }

    /// What a reading needs. Its lock is held until the servers have answered.
    private struct Reading {
        var reader: TopologyReader
        var last: (begunAt: ContinuousClock.Instant, result: Result<Topology, BackendError>)?
    }

    private let reading: Mutex<Reading>
    private let known = Mutex(Known())
    private let thread = SerialThread(name: "coupond.topology")
    private let logger: Logger
    /// Whether servers are asked before each new connection. With Sentinel they are; a node of a cluster
    /// usually keeps its address.
    private let asksForEachConnection: Bool
    /// Whether nodes of a cluster are asked, not sentinels.
    let isOfCluster: Bool

    /// - Parameters:
    ///   - seeds: the servers to ask.
    ///   - options: how to reach servers; the place of Redis in them is ignored.
    ///   - map: what to connect to in place of the addresses that servers name.
    ///   - logger: gets changes and failures.
    public init(
        _ seeds: RedisSeeds, options: RedisOptions, map: AddressMap = AddressMap(),
        logger: Logger
    ) {
        reading = Mutex(Reading(reader: TopologyReader(seeds, options, map)))
        self.logger = logger
        isOfCluster = if case .cluster = seeds { true } else { false }
        asksForEachConnection = !isOfCluster
    }

    /// The topology as it was read last; nil before the first success.
    public var current: Topology? { known.withLock { $0.topology } }

    /// Why the last reading failed; nil if it succeeded.
    public var failure: BackendError? { known.withLock { $0.failure } }

    /// Reads each second from now on, until the last reference goes.
    public func start() {
        thread.perform(after: Self.lookMilliseconds) { [weak self] in
            guard let self else { return }
            _ = self.result(since: .now)
            self.start()
        }
    }

    /// Asks for a reading soon; called after each sign of a change.
    public func refresh() {
        let isPlanned = known.withLock { known in
            defer { known.isRefreshPlanned = true }
            return known.isRefreshPlanned
        }
        guard !isPlanned else { return }
        thread.perform { [weak self] in
            guard let self else { return }
            self.known.withLock { $0.isRefreshPlanned = false }
            _ = self.result(since: .now)
        }
    }

    /// Blocks until servers were asked.
    /// - Throws: `unavailable`, with what each of them said.
    @discardableResult
    public func read() throws(BackendError) -> Topology {
        try result(since: .now).get()
    }

    /// Throws if servers have not confirmed the topology in the last seconds: what was known last may be old.
    /// Does not block.
    func confirm() throws(BackendError) {
        let (readAt, failure) = known.withLock { ($0.readAt, $0.failure) }
        if let failure { throw failure }
        guard let readAt, readAt.duration(to: .now) < Self.longestAge else {
            throw .redis(.unavailable("for three seconds no server has said where Redis is"))
        }
    }

    /// Calls `changed` after each change of the topology, from any thread, as long as the result lives.
    public func observe(_ changed: @escaping @Sendable () -> Void) -> TopologyObservation {
        let number = known.withLock { known in
            known.lastObserver += 1
            known.observers[known.lastObserver] = changed
            return known.lastObserver
        }
        return TopologyObservation { [weak self] in
            self?.known.withLock { $0.observers[number] = nil }
        }
    }

    // MARK: Nodes

    /// Where a node is, and in which term, for a new connection. Blocks while servers are asked. If none of
    /// them answers, what was known last counts: the server there still has to show that it is a master.
    /// - Parameter id: nil for the first node.
    func node(_ id: RedisNode.ID?) throws(BackendError) -> RedisNode {
        if !asksForEachConnection, let node = knownNode(id) {
            refresh()
            return node
        }
        let failure: BackendError
        switch result(since: .now) {
        case .success(let topology):
            if let node = topology.nodeOrFirst(id) { return node }
            let name = id?.name ?? ""
            failure = .redis(.unavailable("the Redis cluster has no master \(name) now"))
        case .failure(let error): failure = error
        }
        guard let node = knownNode(id) else { throw failure }
        return node
    }

    /// The same for event loops.
    func node(
        _ id: RedisNode.ID?, on eventLoop: any EventLoop
    ) -> EventLoopFuture<RedisNode> {
        if !asksForEachConnection, let node = knownNode(id) {
            refresh()
            return eventLoop.makeSucceededFuture(node)
        }
        let promise = eventLoop.makePromise(of: RedisNode.self)
        thread.perform { [self] in
            do throws(BackendError) {
                promise.succeed(try node(id))
            } catch {
                promise.fail(error)
            }
        }
        return promise.futureResult
    }

    /// A node as the topology had it when it was read last; nil if it is not in it.
    func knownNode(_ id: RedisNode.ID?) -> RedisNode? { current?.nodeOrFirst(id) }

    // MARK: Reading

    /// The result of a reading that began after a moment: a new one, or that of another thread.
    private func result(
        since moment: ContinuousClock.Instant
    ) -> Result<Topology, BackendError> {
        reading.withLock { reading in
            if let last = reading.last {
                if last.begunAt >= moment { return last.result }
                let rest =
                    Duration.milliseconds(Self.fewestMilliseconds)
                    - last.begunAt.duration(to: .now)
                if rest > .zero { usleep(UInt32(rest / .microseconds(1)) + 1) }
            }
            let begunAt = ContinuousClock.now
            let result: Result<Topology, BackendError>
            do throws(BackendError) {
                result = .success(try reading.reader.read(known: current))
            } catch {
                result = .failure(error)
            }
            reading.last = (begunAt, result)
            apply(result, begunAt)
            return result
        }
    }

    private func apply(
        _ result: Result<Topology, BackendError>, _ begunAt: ContinuousClock.Instant
    ) {
        let (before, failureBefore, observers) = known.withLock { known in
            defer {
                switch result {
                case .success(let topology):
                    known.topology = topology
                    known.readAt = begunAt
                    known.failure = nil
                case .failure(let error): known.failure = error
                }
            }
            return (known.topology, known.failure, Array(known.observers.values))
        }
        switch result {
        case .failure(let error):
            logger.log(
                level: failureBefore == nil ? .warning : .debug,
                "the topology of Redis cannot be read", metadata: [LogKey.reason: "\(error)"])
        case .success(let topology):
            if failureBefore != nil { logger.notice("the topology of Redis can be read again") }
            guard topology != before else { return }
            logger.notice(
                "the topology of Redis has changed",
                metadata: [
                    LogKey.epoch: "\(topology.epoch)", LogKey.nodes: "\(topology.summary)",
                ])
            for changed in observers { changed() }
        }
    }
}

/// Ends an observation when the last reference goes.
public final class TopologyObservation: Sendable {
    private let end: @Sendable () -> Void

    init(_ end: @escaping @Sendable () -> Void) { self.end = end }

    deinit { end() }
}

extension Topology {
    /// The node with an id; nil stands for the first one.
    fileprivate func nodeOrFirst(_ id: RedisNode.ID?) -> RedisNode? {
        if let id { node(id) } else { nodes.first }
    }

    /// The nodes, for people; of a large cluster only some.
    public var summary: String {
        let shown = nodes.prefix(16).map { "\($0.address) with term \($0.term)" }
        let more = nodes.count - shown.count
        let list = shown.joined(separator: ", ") + (more > 0 ? ", and \(more) more" : "")
        return switch kind {
        case .single: "\(nodes[0].address)"
        case .sentinel: "Sentinel names \(list) as the master"
        case .cluster: "the masters of the cluster are \(list)"
        }
    }
}
