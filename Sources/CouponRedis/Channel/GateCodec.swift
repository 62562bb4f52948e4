/// A gate call as a command, and its answer from the reply. Scripts/gate.lua describes the layouts.
///
/// The command is written into one array that is reserved once; the answer is read in one pass.
internal import CouponCore

extension Command {
    /// The EVALSHA of a gate call.
    /// - Parameter digest: the name that SCRIPT LOAD gave to gate.lua.
    init(_ call: GateCall, digest: String, options: RedisOptions) {
        let questions = call.questions
        let requests = questions.reduce(0) { $0 + $1.requests.count }
        let isCleared = questions.contains { $0.clearedAt > 0 }
        self.init(
            argumentCount: 10 + 4 * questions.count + (isCleared ? 1 : 0),
            capacity: 256 + 192 * questions.count + requests * Layout.gateRequest)
        append("EVALSHA")
        append(digest)
        append(Int64(2 + 2 * questions.count))
        append(Keys.gate(call.partition))
        append(Keys.queue(call.partition))
        for question in questions {
            append(Keys.record(question.coupon, call.partition, call.epoch))
            append(Keys.holders(question.coupon, call.partition, call.epoch))
        }
        append(call.epoch)
        append(call.floor)
        append(options.backlogPerCoupon)
        append(options.backlogPerPartition)
        append(call.identity.replicationID)
        for question in questions { append(question) }
        guard isCleared else { return }
        append(byteCount: questions.count * Layout.number) { packed in
            for question in questions { packed.append(question.clearedAt) }
        }
    }

    private mutating func append(_ question: GateQuestion) {
        append(byteCount: Layout.id) { $0.append(question.coupon) }
        append(byteCount: question.requests.count * Layout.gateRequest) { packed in
            for request in question.requests {
                packed.append(request.user)
                packed.append(request.requestID)
                packed.append(request.notAfter)
            }
        }
    }
}

extension GateAnswer {
    /// From the reply to a gate call.
    init(_ reply: Reply, to call: GateCall) {
        switch reply {
        case .bytes(let bytes):
            self =
                GateAnswer(bytes, to: call)
                ?? .interrupted("unexpected reply layout from the gate script")
        case .error(let text):
            self =
                ErrorReply.refusal(text).map { .unavailable($0) } ?? .interrupted("Redis: \(text)")
        default: self = .interrupted("the gate script gave no answer")
        }
    }

    /// What the script answered; nil if the bytes are not such an answer.
    init?(_ bytes: [UInt8], to call: GateCall) {
        var reader = ByteReader(bytes)
        switch reader.byte() {
        case 0:
            guard let reply = reader.gateReply(to: call) else { return nil }
            self = .reply(reply)
        case 1:
            guard let status = reader.byte().flatMap({ GateStatus(rawValue: $0) }),
                let epoch = reader.int64()
            else { return nil }
            self = .stale(status, epoch: epoch)
        case 2: self = .rolledBack
        default: return nil
        }
    }
}

extension ByteReader {
    fileprivate mutating func gateReply(to call: GateCall) -> GateReply? {
        guard let epoch = int64(), let tail = int64(), let settled = position(),
            let now = timestamp()
        else { return nil }
        var results: [GateResult] = []
        results.reserveCapacity(call.questions.count)
        for question in call.questions {
            guard let result = gateResult(requestCount: question.requests.count, now: now) else {
                return nil
            }
            results.append(result)
        }
        guard remaining == 0 else { return nil }
        return GateReply(epoch: epoch, tail: tail, settled: settled, now: now, results: results)
    }

    private mutating func gateResult(requestCount: Int, now: Timestamp) -> GateResult? {
        switch byte() {
        case 0: judgement(requestCount: requestCount, now: now).map { .judged($0) }
        case 1: int64().map { .notLoaded(rev: $0) }
        case 2: .exhausted
        case 3: int64().map { .filling(rev: $0) }
        default: nil
        }
    }

    private mutating func judgement(requestCount: Int, now: Timestamp) -> GateJudgement? {
        guard let rev = int64(), let version = int64(), let door = door(now: now),
            remaining >= requestCount * Layout.verdict
        else { return nil }
        var verdicts: [GateVerdict] = []
        verdicts.reserveCapacity(requestCount)
        for _ in 0..<requestCount {
            guard let verdict = verdict() else { return nil }
            verdicts.append(verdict)
        }
        return GateJudgement(rev: rev, version: version, door: door, verdicts: verdicts)
    }

    private mutating func verdict() -> GateVerdict? {
        // One user's damaged holder must not cost the others of the call their verdicts.
        guard let code = byte(), let detail = byte(), let sequence = int64(),
            let position = anyPosition()
        else { return nil }
        switch VerdictCode(rawValue: code) {
        case .accepted: return .accepted(sequence: sequence, position: position)
        case .replayed: return .replayed(sequence: sequence, position: position)
        case .duplicate:
            return HolderState(rawValue: detail).map {
                .duplicate(sequence: sequence, state: $0, position: position)
            }
        case .rejected:
            return RejectionReason(rawValue: detail).map {
                .rejected(sequence: sequence, reason: $0)
            }
        case .soldOut: return .soldOut
        case .notOpen: return .notOpen
        case .ended: return .ended
        case .paused: return .paused
        case .closed: return .closed
        case .expired: return .expired
        case nil: return nil
        }
    }
}
