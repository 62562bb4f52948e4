/// A gate call as a command, and its answer from the reply. Scripts/gate.lua describes the layouts.
///
/// The command is written into one array that is reserved once; the answer is read in one pass.
internal import CouponCore

extension Command {
    /// The EVALSHA of a gate call.
    /// - Parameter digest: the name that SCRIPT LOAD gave to gate.lua.
    init(_ call: GateCall, digest: String, options: RedisOptions) {
        self.init(argumentCount: 14, capacity: 448 + call.requests.count * Layout.gateRequest)
        append("EVALSHA")
        append(digest)
        append(4)
        append(Keys.gate(call.partition))
        append(Keys.queue(call.partition))
        append(Keys.record(call.coupon, call.partition, call.epoch))
        append(Keys.holders(call.coupon, call.partition, call.epoch))
        append(call.epoch)
        append(call.floor)
        append(byteCount: Layout.id) { $0.append(call.coupon) }
        append(options.backlogPerCoupon)
        append(options.backlogPerPartition)
        append(byteCount: call.requests.count * Layout.gateRequest) { packed in
            for request in call.requests {
                packed.append(request.user)
                packed.append(request.requestID)
                packed.append(request.notAfter)
            }
        }
        append(call.identity.replicationID)
    }
}

extension GateAnswer {
    /// From the reply to a gate call.
    /// - Parameter count: the requests of the call.
    init(_ reply: Reply, requestCount count: Int) {
        switch reply {
        case .bytes(let bytes):
            self =
                GateAnswer(bytes, requestCount: count)
                ?? .interrupted("unexpected reply layout from the gate script")
        case .error(let text):
            self =
                ErrorReply.refusal(text).map { .unavailable($0) } ?? .interrupted("Redis: \(text)")
        default: self = .interrupted("the gate script gave no answer")
        }
    }

    /// What the script answered; nil if the bytes are not such an answer.
    /// - Parameter count: the requests of the call.
    init?(_ bytes: [UInt8], requestCount count: Int) {
        var reader = ByteReader(bytes)
        switch reader.byte() {
        case 0:
            guard let reply = reader.gateReply(requestCount: count) else { return nil }
            self = .reply(reply)
        case 1:
            guard let status = reader.byte().flatMap({ GateStatus(rawValue: $0) }),
                let epoch = reader.int64()
            else { return nil }
            self = .stale(status, epoch: epoch)
        case 2: self = .rolledBack
        case 3:
            guard let rev = reader.int64(), let now = reader.timestamp() else { return nil }
            self = .notLoaded(rev: rev, now: now)
        case 4: self = .exhausted
        default: return nil
        }
    }
}

extension ByteReader {
    fileprivate mutating func gateReply(requestCount: Int) -> GateReply? {
        guard let epoch = int64(), let tail = int64(), let settled = position(),
            let rev = int64(), let version = int64(), let now = timestamp(),
            let door = door(now: now), remaining == requestCount * Layout.verdict
        else { return nil }
        var verdicts: [GateVerdict] = []
        verdicts.reserveCapacity(requestCount)
        for _ in 0..<requestCount {
            guard let verdict = verdict() else { return nil }
            verdicts.append(verdict)
        }
        return GateReply(
            epoch: epoch, rev: rev, version: version, now: now, door: door, settled: settled,
            tail: tail, verdicts: verdicts)
    }

    private mutating func verdict() -> GateVerdict? {
        guard let code = byte(), let detail = byte(), let sequence = int64(),
            let position = position()
        else { return nil }
        switch code {
        case 0: return .accepted(sequence: sequence, position: position)
        case 1: return .replayed(sequence: sequence, position: position)
        case 2:
            return HolderState(rawValue: detail).map {
                .duplicate(sequence: sequence, state: $0, position: position)
            }
        case 3:
            return RejectionReason(rawValue: detail).map {
                .rejected(sequence: sequence, reason: $0)
            }
        case 4: return .soldOut
        case 5: return .notOpen
        case 6: return .ended
        case 7: return .paused
        case 8: return .closed
        case 9: return .expired
        default: return nil
        }
    }
}
