/// Asks sentinels or nodes of a cluster where Redis is. Blocking; only one thread at a time may use it.
internal import CouponCore

struct TopologyReader {
    /// How long a connection may take, and then an answer, in milliseconds.
    private static let answerMilliseconds: Int64 = 300
    /// How long all servers together may take.
    private static let readingLimit = Duration.seconds(2)
    /// A daemon keeps connections to few nodes, even of a large cluster.
    private static let maximumConnections = 8

    private let seeds: RedisSeeds
    private let options: RedisOptions
    private let map: AddressMap
    /// The sentinels; first the one that answered last.
    private var sentinels: [RedisAddress] = []
    private var connections: [RedisAddress: BlockingConnection] = [:]
    /// How many readings had no cause but the time.
    private var looks = 0

    /// - Parameter options: how to reach any server; where they lead is ignored.
    init(_ seeds: RedisSeeds, _ options: RedisOptions, _ map: AddressMap) {
        self.seeds = seeds
        self.map = map
        var options = options
        options.connectTimeoutMilliseconds = Self.answerMilliseconds
        options.commandTimeoutMilliseconds = Self.answerMilliseconds
        options.countLoss = {}
        options.countRefusal = { _ in }
        self.options = options
        if case .sentinel(_, let addresses) = seeds { sentinels = addresses }
    }

    /// Asks servers in turn, until one gives a topology that may replace the known one.
    /// - Parameters:
    ///   - known: nil before the first reading.
    ///   - isLook: whether this reading has no cause but the time. Then another sentinel is asked than the
    ///     last time, because that one may be cut off from the others.
    mutating func read(
        known: Topology?, isLook: Bool
    ) throws(BackendError) -> Topology {
        let start = ContinuousClock.now
        var flaws: [String] = []
        for address in order(known, isLook: isLook) {
            guard start.duration(to: .now) < Self.readingLimit else { break }
            do throws(TopologyFlaw) {
                let topology = try ask(address)
                guard topology.mayReplace(known) else {
                    throw TopologyFlaw("has an old view, of epoch \(topology.epoch)")
                }
                if !isLook { moveToFront(address) }
                return topology
            } catch {
                connections[address] = nil
                flaws.append("\(address) \(error.text)")
            }
        }
        throw .redis(.unavailable(failure(flaws)))
    }

    private func failure(_ flaws: [String]) -> String {
        let shown = flaws.prefix(8).joined(separator: "; ")
        return switch seeds {
        case .sentinel(let name, _): "no sentinel says where the master \(name) is: \(shown)"
        case .cluster: "no node says how the Redis cluster is made up: \(shown)"
        }
    }

    private mutating func order(_ known: Topology?, isLook: Bool) -> [RedisAddress] {
        switch seeds {
        case .sentinel:
            guard isLook else { return sentinels }
            looks += 1
            let first = looks % sentinels.count
            return Array(sentinels[first...] + sentinels[..<first])
        case .cluster(let addresses):
            // At random, so that a node with an old view is not asked again and again. The servers that the
            // setting names may know more than a node that was cut off and knows only itself.
            let nodes = known?.nodes.map(\.address) ?? []
            return (nodes + addresses.filter { !nodes.contains($0) }).shuffled()
        }
    }

    private mutating func moveToFront(_ address: RedisAddress) {
        guard let index = sentinels.firstIndex(of: address) else { return }
        sentinels.swapAt(0, index)
    }

    private mutating func ask(_ address: RedisAddress) throws(TopologyFlaw) -> Topology {
        switch seeds {
        case .sentinel(let name, _):
            let replies = try replies(to: SentinelAnswer.commands(name), from: address)
            return try SentinelAnswer.topology(replies, master: name, map)
        case .cluster:
            let replies = try replies(to: ClusterAnswer.commands, from: address)
            return try ClusterAnswer.topology(replies, from: address, map)
        }
    }

    private mutating func replies(
        to commands: [Command], from address: RedisAddress
    ) throws(TopologyFlaw) -> [Reply] {
        do throws(BackendError) {
            let connection = try connection(to: address)
            let replies = try connection.ask(commands)
            guard replies.contains(where: \.needsPassword),
                let authentication = options.authentication
            else { return replies }
            _ = try connection.call(authentication)
            return try connection.ask(commands)
        } catch {
            throw TopologyFlaw("cannot be asked: \(error)")
        }
    }

    private mutating func connection(
        to address: RedisAddress
    ) throws(BackendError) -> BlockingConnection {
        if let connection = connections[address], !connection.isClosed { return connection }
        var options = options
        options.place = .address(address)
        // Sentinels have passwords of their own, and usually none.
        var authenticates = true
        if case .sentinel = seeds { authenticates = false }
        let connection = try BlockingConnection(options, authenticates: authenticates)
        if connections.count >= Self.maximumConnections { connections.removeAll() }
        connections[address] = connection
        return connection
    }
}

extension Reply {
    fileprivate var needsPassword: Bool {
        if case .error(let text) = self { ErrorReply.code(text) == "NOAUTH" } else { false }
    }
}
