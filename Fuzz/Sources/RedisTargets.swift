/// Redis' replies: its protocol by hiredis, and the packed layouts of our scripts. Redis is trusted, but its
/// data may be damaged, which promise 8 covers.
internal import CouponCore
@testable import CouponRedis

/// A stream of replies: its first byte says how it is cut into reads. Cut or whole, the replies are the same.
func fuzzReplies(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let stream = Array(input.dropFirst())
    let whole = replies(in: [stream])
    let chunk = 1 + Int(first) % 7
    let cut = stride(from: 0, to: stream.count, by: chunk).map {
        Array(stream[$0..<min($0 + chunk, stream.count)])
    }
    require(replies(in: cut) == whole, "the replies depend on how the stream is cut")
    for reply in whole {
        if case .error(let text) = reply { _ = ErrorReply.cause(text) }
        _ = CouponRedis.RedisServerInfo(info: reply, config: reply).unsafeSettings
    }
}

private func replies(in chunks: [[UInt8]]) -> [Reply] {
    guard var reader = ReplyReader() else { return [] }
    var found: [Reply] = []
    do throws(ProtocolFailure) {
        for chunk in chunks {
            unsafe try reader.feed(chunk.span.bytes)
            while let reply = try reader.next() { found.append(reply) }
        }
    } catch {
        require(!error.text.isEmpty, "refused without a reason")
    }
    return found
}

/// What a node of a cluster, or a sentinel, answers to three questions: a topology, or a reason for people.
func fuzzTopologies(_ input: [UInt8]) {
    let replies = replies(in: [input])
    let server = RedisAddress.tcp(host: "127.0.0.1", port: 6_379)
    do throws(TopologyFlaw) {
        let topology = try ClusterAnswer.topology(replies, from: server, AddressMap())
        require(!topology.nodes.isEmpty, "a cluster without a master")
        for partition in (0..<Limits.maximumPartitions).map({ PartitionID($0) }) {
            guard let index = topology.nodeIndex(of: partition) else { continue }
            require(topology.nodes.indices.contains(index), "a partition of no node")
        }
        require(topology.mayReplace(topology), "a topology that may not replace itself")
    } catch {
        require(!error.text.isEmpty, "refused without a reason")
    }
    do throws(TopologyFlaw) {
        let topology = try SentinelAnswer(replies, master: "sale", AddressMap()).topology
        require(topology.nodes.count == 1, "Sentinel names one master")
    } catch {
        require(!error.text.isEmpty, "refused without a reason")
    }
}

/// The reply of read.lua, judged as the partition's owner judges it.
func fuzzQueueViews(_ input: [UInt8]) {
    for reply in replies(in: [input]) {
        guard let gate = GateView(reply) else { continue }
        let identity = RedisIdentity(runID: "a", replicationID: "b")
        for cursor in [Position.zero, gate.settled] + gate.items.map(\.position) {
            let row = PartitionRow(
                id: PartitionID(0), epoch: gate.epoch, cursor: cursor, identity: identity,
                installID: "")
            let node = RedisNodeState(identity: identity)
            if case .issue(let batch) = DrainStep(row: row, gate: gate, node: node) {
                require(!batch.isEmpty, "a batch of nothing")
            }
        }
    }
}

/// The bytes of a queue entry: damaged, or requests that may be issued.
func fuzzQueueEntries(_ input: [UInt8]) {
    let payload = Reply.array([.bytes(Array("e".utf8)), .bytes(input)])
    guard let item = QueueItem(.array([.bytes(Array("1-1".utf8)), payload])) else {
        preconditionFailure("an entry with the one field `e` is not found")
    }
    var holder = ByteReader(input)
    _ = holder.holder()
    guard case .entry(let entry) = item else { return }
    require(!entry.coupons.isEmpty, "an entry without coupons")
    for queued in entry.coupons {
        require(!queued.requests.isEmpty && queued.firstSequence > 0, "a coupon without requests")
        require(queued.requests.allSatisfy { $0.user.rawValue > 0 }, "an entry without a user")
    }
}

/// The gate's answer to a call about two coupons, each with as many requests as the first byte says.
func fuzzGateAnswers(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let requests = (0..<Int64(first)).map {
        GateRequest(user: UserID($0 + 1), requestID: .empty, notAfter: .zero)
    }
    let call = GateCall(
        partition: PartitionID(0), epoch: 1,
        identity: RedisIdentity(runID: "", replicationID: ""), floor: 0,
        questions: [1, 2].map { GateQuestion(coupon: CouponID($0), requests: requests) })
    guard case .reply(let reply)? = GateAnswer(Array(input.dropFirst()), to: call) else { return }
    require(reply.results.count == 2, "not every question has a result")
    var frontDoor = FrontDoor(
        partitioning: Partitioning(count: 1), seed: 1, now: MonotonicTime(nanoseconds: 0))
    frontDoor.subscriptionUp()
    let now = MonotonicTime(nanoseconds: 1_000_000_000)
    for case .judged(let judgement) in reply.results {
        require(judgement.verdicts.count == Int(first), "not every request has a verdict")
        frontDoor.apply(
            judgement, of: CouponID(1), epoch: reply.epoch,
            askedUnder: frontDoor.generation(of: PartitionID(0)), now: now)
    }
    _ = frontDoor.judge(CouponID(1), attempt: 0, now: now.advanced(byMilliseconds: 10))
}

/// A completion event, as a worker receives it: doors change, and each waiter is answered once.
func fuzzEvents(_ input: [UInt8]) {
    guard let event = CompletionEvent(input) else { return }
    let now = MonotonicTime(nanoseconds: 1_000_000_000)
    var frontDoor = FrontDoor(partitioning: Partitioning(count: 4), seed: 1, now: now)
    frontDoor.subscriptionUp()
    frontDoor.receive(event, now: now)
    for standing in event.coupons.prefix(8) {
        _ = frontDoor.judge(standing.coupon, attempt: 0, now: now)
    }
    var waiters = WaitList()
    _ = waiters.receive(event)
    let accepted = AcceptedRequest(
        coupon: CouponID(1), user: UserID(1), sequence: 1, requestID: .empty)
    waiters.register(
        WaitList.Waiter(
            ticket: 1, accepted: accepted, position: event.to, judgedAt: event.publishedAt),
        isReplay: false)
    let answers = waiters.receive(event)
    require(answers.count + waiters.count == 1, "a waiter was answered twice or never")
}
