/// What a worker can do now.
extension Worker {
    /// Why some partitions cannot accept requests now; nil if all can.
    public var whyNotReady: String? {
        if isDraining { return Failure.drainReason }
        let closed = options.partitioning.count - partitionsOpen
        if closed == 0 { return nil }
        if let trouble = whyNoGate { return trouble }
        return "\(closed) partitions have no open gate"
            + (whyNoEvents.map { ", or their events do not come: \($0)" } ?? "")
    }

    /// Why Redis, or one of its nodes, cannot be used; nil if all can.
    public var whyNoGate: String? {
        for gate in ways.gatesInUse {
            if let trouble = gate.trouble { return trouble }
            if gate.identity == nil { return "Redis is not reachable" }
        }
        return nil
    }

    /// Why the daemon receives no events, or not those of some partition; nil while it does.
    package var whyNoEvents: String? { known.whyNoEvents }

    /// How many partitions have an open gate.
    public var partitionsOpen: Int {
        if isDraining { return 0 }
        let identities = ways.indices.map { place in
            ways[place].gate.trouble == nil ? ways[place].gate.identity : nil
        }
        return options.partitioning.all.count { partition in
            guard let identity = ways.place(of: partition).flatMap({ identities[$0] }) else {
                return false
            }
            return known.book.isOpen(partition, by: identity)
        }
    }

    /// What is known of a partition.
    public func place(of partition: PartitionID) -> (epoch: Epoch, isOpen: Bool) {
        let identity = ways.gate(of: partition)?.identity
        let isOpen = identity.map { known.book.isOpen(partition, by: $0) } ?? false
        return (known.book.epoch(of: partition), isOpen)
    }
}
