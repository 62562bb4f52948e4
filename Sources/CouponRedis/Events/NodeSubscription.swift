/// The subscriptions at one node of a cluster. A node that is silent is pinged, as a single Redis is (rule
/// 39).
internal import CouponCore
internal import DequeModule
internal import Logging

final class NodeSubscription {
    /// How long a node may be silent before it is pinged; and after the ping, before it counts as away.
    private static let silence = Duration.milliseconds(500)
    private static let disconnectedAfter = Duration.seconds(1)
    /// A partition that the node has refused, or given up, is asked for again after this time.
    private static let retry = Duration.milliseconds(250)

    private enum State: Equatable {
        /// The partition is going to be asked for, but not before this moment.
        case wanted(ContinuousClock.Instant)
        case asked
        case active
    }

    private let options: RedisOptions
    private var connection: BlockingConnection?
    private var states: [PartitionID: State] = [:]
    /// Commands that have no answer yet, in their order: the partition that is asked for; nil for a ping.
    private var asked: Deque<PartitionID?> = []
    /// Partitions whose silence was reported.
    private var down: Set<PartitionID> = []
    private var receivedAt = ContinuousClock.now
    private var pingedAt: ContinuousClock.Instant?
    private var backOff = BackOff()
    private var mayConnectAt = ContinuousClock.now
    private var decoder: EventDecoder

    init(_ options: RedisOptions, _ logger: Logger) {
        self.options = options
        decoder = EventDecoder(logger)
    }

    /// What poll(2) watches; nil without a connection.
    var descriptor: Int32? { connection?.descriptor }

    /// Whether no partition is expected here.
    var isUnused: Bool { states.isEmpty }

    /// How long until a connection or a subscription is tried again; nil if nothing is to be tried.
    var millisecondsToNextAttempt: Double? {
        var moments = states.values.compactMap { state in
            if case .wanted(let moment) = state { moment } else { nil }
        }
        if connection == nil { moments = [mayConnectAt] }
        return moments.min().map { max(0, ContinuousClock.now.duration(to: $0) / .milliseconds(1)) }
    }

    /// The partition's events come from this node.
    func expect(_ partition: PartitionID) { states[partition] = .wanted(.now) }

    /// The partition's events come from another node now. Nothing is sent: this node ends the subscription by
    /// itself, and what it says of the partition does not count any more.
    func drop(_ partition: PartitionID) -> [EventSignal] {
        guard states.removeValue(forKey: partition) != nil, down.remove(partition) == nil
        else { return [] }
        return [.partitionDown(partition, "its node has changed")]
    }

    /// Connects if that is due, subscribes, and pings a silent node.
    func advance() -> [EventSignal] {
        do throws(BackendError) {
            if connection == nil {
                guard ContinuousClock.now >= mayConnectAt else { return [] }
                connection = try BlockingConnection(options)
                receivedAt = .now
            }
            try subscribe()
            try ping()
            return []
        } catch {
            return fail("\(error)")
        }
    }

    /// One channel in each command: a cluster refuses a command with several hash slots.
    private func subscribe() throws(BackendError) {
        let now = ContinuousClock.now
        for (partition, state) in states {
            guard case .wanted(let moment) = state, now >= moment else { continue }
            try connection?.send(Command("SSUBSCRIBE", Keys.events(partition)))
            states[partition] = .asked
            asked.append(partition)
        }
    }

    private func ping() throws(BackendError) {
        let now = ContinuousClock.now
        if let pingedAt {
            guard pingedAt.duration(to: now) < Self.disconnectedAfter else {
                throw .redis(.unavailable("Redis did not answer a ping of the subscription"))
            }
        } else if receivedAt.duration(to: now) >= Self.silence {
            pingedAt = now
            try connection?.send(Command("PING"))
            asked.append(nil)
        }
    }

    /// Reads what has arrived.
    func receive() -> [EventSignal] {
        guard let connection else { return [] }
        var signals: [EventSignal] = []
        do throws(BackendError) {
            var next = try connection.poll(milliseconds: 1)
            while let reply = next {
                receivedAt = .now
                pingedAt = nil
                signals += try apply(reply, connection)
                next = try connection.poll(milliseconds: 0)
            }
            return signals
        } catch {
            return signals + fail("\(error)")
        }
    }

    private func apply(
        _ reply: Reply, _ connection: BlockingConnection
    ) throws(BackendError) -> [EventSignal] {
        if case .error(let text) = reply {
            guard let partition = asked.popFirst() ?? nil else { return [] }
            return lose(partition, "\(connection.error(text))")
        }
        let parts = reply.elements ?? []
        switch (parts.first?.text, parts.last) {
        case ("ssubscribe", _):
            guard parts.count > 1, let partition = asked.popFirst() ?? nil,
                parts[1].text == Keys.events(partition)
            else { throw .redis(.unexpectedReply("SSUBSCRIBE: another channel was asked for")) }
            guard states[partition] == .asked else { return [] }
            backOff.reset()
            states[partition] = .active
            down.remove(partition)
            return [.partitionUp(partition)]
        case ("sunsubscribe", _):
            // Not asked for: the hash slot has left this node, or the node is not a master any more.
            guard parts.count > 1, let channel = parts[1].text,
                let partition = states.keys.first(where: { Keys.events($0) == channel })
            else { return [] }
            options.topologyMayHaveChanged()
            return lose(partition, "the node has given up the partition")
        case ("smessage", .bytes(let bytes)):
            guard let event = decoder.event(bytes) else { return [] }
            return states[event.partition] == .active ? [.event(event)] : []
        default:  // the answer to a ping
            if case .some(.none) = asked.first { asked.removeFirst() }
            return []
        }
    }

    /// A partition has no subscription, and is asked for again.
    private func lose(_ partition: PartitionID, _ reason: String) -> [EventSignal] {
        guard states[partition] != nil else { return [] }
        states[partition] = .wanted(.now + Self.retry)
        return down.insert(partition).inserted ? [.partitionDown(partition, reason)] : []
    }

    /// The connection is lost, or was not made.
    private func fail(_ reason: String) -> [EventSignal] {
        connection = nil
        pingedAt = nil
        asked = []
        mayConnectAt = .now + .milliseconds(backOff.next())
        return states.keys.sorted().flatMap { partition -> [EventSignal] in
            states[partition] = .wanted(.now)
            return down.insert(partition).inserted ? [.partitionDown(partition, reason)] : []
        }
    }
}
