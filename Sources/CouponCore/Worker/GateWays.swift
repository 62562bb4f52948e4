/// A worker's gates with what is in flight to each. A gate that does not answer holds up only its own
/// partitions.
final class GateWays {
    struct Way {
        let gate: any Gate
        let replicas: (any ReplicaLink)?
        fileprivate(set) var asked = AskedCalls()
        /// Partitions with something to send that wait until a call is answered.
        fileprivate var waiting: [PartitionID] = []

        var hasRoom: Bool { asked.count < Limits.gateCallsInFlight }
    }

    private var ways: [Way] = []
    /// For each partition its place in `ways`; negative if no node serves it.
    private var places: [Int]
    private var lastNumber: UInt64 = 0

    init(_ routes: GateRoutes) {
        ways = routes.ways.map { Way(gate: $0.gate, replicas: $0.replicas) }
        places = routes.places
    }

    var count: Int { ways.count }
    var indices: Range<Int> { ways.indices }

    subscript(place: Int) -> Way {
        _read { yield ways[place] }
    }

    /// The number of the next call.
    func nextNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    /// A call is sent.
    func ask(_ asked: AskedCalls.Asked, at place: Int) { ways[place].asked.append(asked) }

    /// A partition has something to send, and the gate has no room.
    func wait(_ partition: PartitionID, at place: Int) {
        ways[place].waiting.append(partition)
    }

    /// The oldest call is answered.
    /// - Returns: what it asked, and the partitions that have waited for that.
    func endCall(at place: Int) -> (asked: AskedCalls.Asked, waiting: [PartitionID])? {
        guard let asked = ways[place].asked.popFirst() else { return nil }
        let waiting = ways[place].waiting
        if !waiting.isEmpty { ways[place].waiting = [] }
        return (asked, waiting)
    }

    /// The place of a partition's gate; nil if no node serves it.
    func place(of partition: PartitionID) -> Int? {
        let place = places[partition.rawValue]
        return place < 0 ? nil : place
    }

    /// The partition's gate; nil if no node serves it.
    func gate(of partition: PartitionID) -> (any Gate)? {
        place(of: partition).map { ways[$0].gate }
    }

    /// The gates that serve partitions.
    var gatesInUse: [any Gate] {
        Set(places).sorted().filter { $0 >= 0 }.map { ways[$0].gate }
    }

    /// Whether a pending request can be sent or refused.
    var haveRoom: Bool {
        for place in ways.indices where ways[place].hasRoom || ways[place].gate.outage != nil {
            return true
        }
        return false
    }

    /// Follows the nodes.
    /// - Returns: what was asked at nodes that do not serve the partition any more. Their answers no longer
    ///   count.
    func use(_ routes: GateRoutes) -> [AskedCalls.Question] {
        for way in routes.ways.dropFirst(ways.count) {
            ways.append(Way(gate: way.gate, replicas: way.replicas))
        }
        var abandoned: [AskedCalls.Question] = []
        for (partition, place) in places.enumerated() where place != routes.places[partition] {
            guard place >= 0 else { continue }
            abandoned += ways[place].asked.abandon(PartitionID(partition))
        }
        places = routes.places
        return abandoned
    }
}
