/// Loading a coupon with its holders (rules 30 and 32).
public import CouponCore

extension RedisGateControl {
    /// How long the holders of an unfinished load stay, in milliseconds; each chunk starts it anew.
    private static let loadingMilliseconds: Int64 = 60_000
    /// Commands sent before the first answer is waited for.
    private static let commandsUnderWay = 8

    /// Rules 30 and 32. The coupon's `rev` is above every earlier one in this partition.
    public func load(
        _ coupon: LoadedCoupon, partition: PartitionID, epoch: Epoch, token: Int64?
    ) throws(GateControlError) -> LoadResult {
        try perform { connection throws(GateControlError) in
            let loading = Keys.loading(partition)
            let written = try self.write(coupon.holders, to: loading, on: connection)
            var packed = ByteWriter()
            packed.append(coupon.coupon)
            let reply = try self.run(
                .load,
                keys: [
                    Keys.gate(partition), Keys.record(coupon.coupon.id, partition, epoch),
                    Keys.holders(coupon.coupon.id, partition, epoch), loading,
                ],
                [
                    .number(epoch), .text(token.map(String.init) ?? ""), .number(written),
                    .bytes(packed.bytes), .number(coupon.used), .number(coupon.queued),
                    .number(coupon.nextSequence),
                    .number(self.options.finishedRetentionMilliseconds),
                    .bytes(Self.pack(coupon.coupon.id)),
                ], on: connection)
            switch try reply.code() {
            case 0: return .loaded
            case 1: return .alreadyLoaded
            case 2: return .superseded
            default: throw .unavailable("the holders of a load expired before it was complete")
            }
        }
    }

    /// Writes the holders to a key of their own, and counts them as Redis does.
    private func write(
        _ holders: [LoadedHolder], to key: String, on connection: BlockingConnection
    ) throws(GateControlError) -> Int64 {
        var written: Int64 = 0
        var underWay = 0
        var rest = holders[...]
        while !rest.isEmpty || underWay > 0 {
            if !rest.isEmpty {
                try connection.send(
                    Self.addition(of: rest.prefix(Limits.holdersPerCommand), to: key))
                try connection.send(Command("PEXPIRE", key, String(Self.loadingMilliseconds)))
                rest = rest.dropFirst(Limits.holdersPerCommand)
                underWay += 1
            }
            if underWay == Self.commandsUnderWay || rest.isEmpty {
                written += try connection.receiveChecked().code()
                _ = try connection.receiveChecked()
                underWay -= 1
            }
        }
        return written
    }

    private static func addition(of holders: ArraySlice<LoadedHolder>, to key: String) -> Command {
        var command = Command(
            argumentCount: 2 + 2 * holders.count, capacity: 64 + holders.count * 70)
        command.append("HSET")
        command.append(key)
        for holder in holders {
            command.append(byteCount: 8) { $0.append(holder.user) }
            command.append(byteCount: 43) { $0.append(holder.holder) }
        }
        return command
    }
}

extension BlockingConnection {
    /// The next answer; an error reply is thrown.
    fileprivate func receiveChecked() throws(GateControlError) -> Reply {
        let reply = try receive()
        if case .error(let text) = reply { throw Self.error(text) }
        return reply
    }
}
