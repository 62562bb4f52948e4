/// Fencing, opening and sweeping a partition's gate (rules 27 and 31).
public import CouponCore

extension RedisGateControl {
    /// Rule 27. False where the gate has this epoch or a later one. Throws where the gate belongs
    /// to another installation: two databases must not share one Redis (hole 34).
    public func fence(
        _ partition: PartitionID, epoch: Epoch, installID: String
    ) throws(GateControlError) -> Bool {
        let reply = try run(
            .fence, keys: [Keys.gate(partition)], [.number(epoch), .text(installID)])
        guard try reply.code() >= 0 else {
            throw .unavailable(
                "partition \(partition.rawValue) in this Redis belongs to another installation")
        }
        return try reply.done()
    }

    /// Rule 31. False where the gate is not fenced with this epoch.
    public func open(
        _ partition: PartitionID, epoch: Epoch, settled: Position, queued: Int64
    ) throws(GateControlError) -> Bool {
        try run(
            .open, keys: [Keys.gate(partition), Keys.queue(partition)],
            [.number(epoch), .number(settled.epoch), .number(settled.n), .number(queued)]
        ).done()
    }

    /// Unlinks what earlier epochs left behind, in small steps.
    public func sweep(
        _ partition: PartitionID, before epoch: Epoch
    ) throws(GateControlError) {
        try perform { connection throws(GateControlError) in
            try connection.scan(matching: Keys.prefix(partition) + "*") {
                (keys: [String]) throws(GateControlError) in
                let old = keys.filter { key in
                    Keys.parse(key, of: partition).map { $0.epoch < epoch } ?? false
                }
                guard !old.isEmpty else { return }
                var command = Command(argumentCount: 1 + old.count)
                command.append("UNLINK")
                for key in old { command.append(key) }
                _ = try connection.call(command)
            }
        }
    }
}

extension BlockingConnection {
    /// Every key that matches, in chunks; one may come twice.
    func scan(
        matching pattern: String, _ body: ([String]) throws(GateControlError) -> Void
    ) throws(GateControlError) {
        var cursor = "0"
        repeat {
            let reply = try call(Command("SCAN", cursor, "MATCH", pattern, "COUNT", "1000"))
            guard let parts = reply.elements, parts.count == 2, let next = parts[0].text,
                let keys = parts[1].elements
            else { throw .unexpectedReply("SCAN: \(reply)") }
            try body(keys.compactMap(\.text))
            cursor = next
        } while cursor != "0"
    }
}
