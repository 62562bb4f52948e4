/// What connections ask about the place that their options name.
internal import CouponCore
internal import NIOCore

extension RedisOptions.Place {
    /// Where to connect now; may block while sentinels are asked.
    func node() throws(BackendError) -> RedisNode {
        switch self {
        case .address(let address): RedisNode(id: .single, address: address, term: 0)
        case .node(let id, let source): try source.node(id)
        }
    }

    /// The same for event loops.
    func node(on eventLoop: any EventLoop) -> EventLoopFuture<RedisNode> {
        switch self {
        case .address(let address):
            eventLoop.makeSucceededFuture(RedisNode(id: .single, address: address, term: 0))
        case .node(let id, let source): source.node(id, on: eventLoop)
        }
    }

    /// Whether a connection must be dropped, because its node was replaced, moved or removed since. In a
    /// cluster only the address counts: a node says its term itself, and the term also rises when a hash slot
    /// moves to the node.
    func isElsewhere(than connected: RedisNode) -> Bool {
        guard case .node(let id, let source) = self, source.current != nil else { return false }
        let now = source.knownNode(id)
        return source.isOfCluster ? now?.address != connected.address : now != connected
    }
}

extension RedisOptions {
    /// Asks for the topology to be read again if an error reply shows that it has changed.
    func noteTopology(_ error: String) {
        if ErrorReply.isTopologyNews(error) { topology?.refresh() }
    }

    /// Calls `changed` on the event loop after each change of the topology, as long as the result lives; nil
    /// if Redis never moves.
    func observeTopology(
        on eventLoop: any EventLoop, _ changed: @escaping () -> Void
    ) -> TopologyObservation? {
        guard let topology else { return nil }
        let bound = NIOLoopBound(changed, eventLoop: eventLoop)
        return topology.observe { eventLoop.execute { bound.value() } }
    }
}
