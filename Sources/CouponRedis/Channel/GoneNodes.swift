/// Nodes that have served nothing for so long that their connections are closed: where nodes are replaced, a
/// daemon would dial more and more that will never come back.
internal import NIOCore

struct GoneNodes {
    /// Since when they have served nothing, by their places.
    private var since: [Int: NIODeadline] = [:]
    /// Closed for good. If such a node comes back, it gets another place.
    private(set) var closed: Set<Int> = []

    /// Whether every node serves partitions or is closed.
    var isEmpty: Bool { since.isEmpty }

    /// The nodes serve other partitions now.
    mutating func update(count: Int, serving: Set<Int>, now: NIODeadline) {
        for place in 0..<count where !closed.contains(place) {
            since[place] = serving.contains(place) ? nil : since[place] ?? now
        }
    }

    /// The nodes to be closed.
    /// - Parameters:
    ///   - pause: how long they must have served nothing.
    ///   - mayGo: whether no call waits for its answer over a connection that is ready. If one does, the
    ///     connection stays.
    mutating func close(
        after pause: TimeAmount, now: NIODeadline, mayGo: (Int) -> Bool
    ) -> [Int] {
        let places = since.filter { now - $0.value >= pause && mayGo($0.key) }.map(\.key)
        for place in places { since[place] = nil }
        closed.formUnion(places)
        return places.sorted()
    }
}
