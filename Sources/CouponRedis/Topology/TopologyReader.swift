/// Asks sentinels or nodes of a cluster where Redis is. Blocking, and confined to its owner.
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
    /// The sentinels; those that did not answer come last.
    private var sentinels: [RedisAddress] = []
    private var connections: [RedisAddress: BlockingConnection] = [:]

    /// - Parameter options: how to reach any server; the place of Redis in them is ignored.
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

    /// Asks servers in turn until they give a topology that may replace the known one.
    /// - Parameter known: nil before the first reading.
    mutating func read(known: Topology?) throws(BackendError) -> Topology {
        switch seeds {
        case .sentinel(let name, _): try readSentinels(name, known)
        case .cluster(let addresses): try readCluster(addresses, known)
        }
    }

    /// Asks sentinels until a majority has answered.
    private mutating func readSentinels(
        _ name: String, _ known: Topology?
    ) throws(BackendError) -> Topology {
        let start = ContinuousClock.now
        var answers: [SentinelAnswer] = []
        var flaws: [String] = []
        for address in sentinels where start.duration(to: .now) < Self.readingLimit {
            do throws(TopologyFlaw) {
                let replies = try replies(to: SentinelAnswer.commands(name), from: address)
                answers.append(try SentinelAnswer(replies, master: name, map))
            } catch {
                connections[address] = nil
                flaws.append("\(address) \(error.text)")
                moveToEnd(address)
            }
            let latest = SentinelAnswer.latest(of: answers, listed: sentinels.count)
            if let latest, latest.mayReplace(known) { return latest }
        }
        flaws.insert(SentinelAnswer.complaint(about: answers, listed: sentinels.count), at: 0)
        throw failure("Sentinel does not say where the master \(name) is", flaws)
    }

    /// Asks nodes at random until one gives a topology: so a node with an old view is not asked again and
    /// again. The servers of the setting may know more than a node that is cut off and knows only itself.
    private mutating func readCluster(
        _ addresses: [RedisAddress], _ known: Topology?
    ) throws(BackendError) -> Topology {
        let start = ContinuousClock.now
        let nodes = known?.nodes.map(\.address) ?? []
        let all = nodes + addresses.filter { !nodes.contains($0) }
        var flaws: [String] = []
        for address in all.shuffled() where start.duration(to: .now) < Self.readingLimit {
            do throws(TopologyFlaw) {
                let replies = try replies(to: ClusterAnswer.commands, from: address)
                let topology = try ClusterAnswer.topology(replies, from: address, map)
                guard topology.mayReplace(known) else {
                    throw TopologyFlaw("has an old view, of epoch \(topology.epoch)")
                }
                return topology
            } catch {
                connections[address] = nil
                flaws.append("\(address) \(error.text)")
            }
        }
        throw failure("no node says how the Redis cluster is made up", flaws)
    }

    private func failure(_ what: String, _ flaws: [String]) -> BackendError {
        .redis(.unavailable("\(what): \(flaws.prefix(8).joined(separator: "; "))"))
    }

    private mutating func moveToEnd(_ sentinel: RedisAddress) {
        sentinels.removeAll { $0 == sentinel }
        sentinels.append(sentinel)
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
