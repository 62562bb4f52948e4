/// A worker whose partitions lie on several nodes of Redis: what one node does is felt by its own coupons
/// only.
import CoreTestKit
import Testing

@testable import CouponCore

/// Two nodes: partitions 0 and 2 lie on the first, 1 and 3 on the second. Coupons have their partition's
/// number plus 4.
private final class TwoNodes {
    let gates = [
        FakeGate(identity: RedisIdentity(runID: "one", replicationID: "a")),
        FakeGate(identity: RedisIdentity(runID: "two", replicationID: "b")),
    ]
    let replicas = [FakeReplicas(), FakeReplicas()]
    let host = RecordingHost()
    let clock = VirtualClock()
    let worker: Worker
    let partitioning = Partitioning(count: 4)
    private var requests: UInt64 = 0

    init(waitsForReplicas: Bool = false) {
        let ways = zip(gates, replicas).map {
            GateRoutes.Way(gate: $0, replicas: waitsForReplicas ? $1 : nil)
        }
        worker = Worker(
            routes: GateRoutes(ways: ways, places: [0, 1, 0, 1]), host: host,
            options: WorkerOptions(
                partitioning: partitioning, replicas: waitsForReplicas ? 1 : 0, seed: 1,
                clocks: clock.clocks))
        for gate in gates { gate.delegate = worker }
        for replicas in replicas { replicas.delegate = worker }
        read([0, 1, 0, 1])
        worker.receive(.up)
        for partition in partitioning.all { open(partition) }
    }

    /// PostgreSQL's rows name these nodes.
    func read(_ nodes: [Int], epoch: Epoch = 1) {
        worker.apply(
            rows: nodes.enumerated().map { partition, node in
                PartitionRow(
                    id: PartitionID(partition), epoch: epoch, cursor: .zero,
                    identity: gates[node].identity, installID: "i")
            })
    }

    /// The partition's owner sends a heartbeat.
    func open(_ partition: PartitionID, epoch: Epoch = 1) {
        worker.receive(.event(.heartbeat(partition, epoch, at: clock.wallNow)))
    }

    func use(_ places: [Int]) {
        let ways = zip(gates, replicas).map { GateRoutes.Way(gate: $0, replicas: $1) }
        worker.use(GateRoutes(ways: ways, places: places))
        worker.pump()
    }

    /// A new user asks for a coupon of a partition, and the turn ends.
    @discardableResult
    func issue(in partition: Int64) -> UInt64 {
        requests += 1
        worker.submit(
            IssueRequest(
                coupon: CouponID(partition + 4), user: UserID(Int64(requests)),
                requestID: name(requests), waitFor: .accepted, attempt: 0),
            deadlineMilliseconds: 1_000, caller: Caller(connection: 1, request: requests))
        worker.pump()
        return requests
    }

    /// A gate accepts all requests of its oldest call.
    func accept(at node: Int, sequence: Int64 = 1) {
        gates[node].answer { call in
            .reply(
                GateReply(
                    epoch: call.epoch, rev: 1, version: 1, now: clock.wallNow, door: .open,
                    settled: .zero, tail: 1,
                    verdicts: call.requests.map { _ in
                        .accepted(sequence: sequence, position: Position(epoch: call.epoch, n: 1))
                    }))
        }
        worker.pump()
    }

    func end(_ request: UInt64) -> RecordingHost.End? {
        let ends = host.ends[request] ?? []
        #expect(ends.count < 2, "answered twice: \(ends)")
        return ends.first
    }
}

@Suite struct WorkerNodeTests {
    @Test func `a call goes to the gate of its partition's node`() {
        let nodes = TwoNodes()
        let (one, other) = (nodes.issue(in: 0), nodes.issue(in: 3))
        #expect(nodes.gates[0].calls.map(\.partition.rawValue) == [0])
        #expect(nodes.gates[1].calls.map(\.partition.rawValue) == [3])
        #expect(nodes.gates[1].calls[0].identity == nodes.gates[1].identity)
        // The answers come in another order than the calls were sent.
        nodes.accept(at: 1, sequence: 7)
        #expect(nodes.end(other) == .outcome(.accepted(sequence: 7)))
        #expect(nodes.end(one) == nil)
        nodes.accept(at: 0)
        #expect(nodes.end(one) == .outcome(.accepted(sequence: 1)))
    }

    @Test func `a node that does not answer holds up its own partitions only`() {
        let nodes = TwoNodes()
        var hanging: [UInt64] = []
        // 16 requests of one coupon are a further call.
        for _ in 1...200 { hanging.append(nodes.issue(in: 0)) }
        for _ in 1...200 { hanging.append(nodes.issue(in: 2)) }
        #expect(nodes.gates[0].calls.count == Limits.gateCallsInFlight)
        for _ in 1...20 {
            let request = nodes.issue(in: 1)
            nodes.accept(at: 1)
            #expect(nodes.end(request) == .outcome(.accepted(sequence: 1)))
        }
        while !nodes.gates[0].calls.isEmpty { nodes.accept(at: 0) }
        #expect(hanging.allSatisfy { nodes.end($0) == .outcome(.accepted(sequence: 1)) })
    }

    @Test func `a node that is away refuses its own coupons only, and readiness says it`() {
        let nodes = TwoNodes()
        #expect(nodes.worker.whyNotReady == nil && nodes.worker.partitionsOpen == 4)
        nodes.gates[1].become(nil)
        guard case .failure(let failure)? = nodes.end(nodes.issue(in: 1)) else {
            Testing.Issue.record("not refused")
            return
        }
        #expect(failure.code == .unavailable && failure.acceptance == .notAccepted)
        let request = nodes.issue(in: 2)
        nodes.accept(at: 0)
        #expect(nodes.end(request) == .outcome(.accepted(sequence: 1)))
        #expect(nodes.worker.whyNotReady != nil && nodes.worker.partitionsOpen == 2)
        #expect(nodes.worker.place(of: PartitionID(0)).isOpen)
        #expect(!nodes.worker.place(of: PartitionID(1)).isOpen)
    }

    @Test func `a partition without a node is refused`() {
        let nodes = TwoNodes()
        nodes.use([0, -1, 0, 1])
        guard case .failure(let failure)? = nodes.end(nodes.issue(in: 1)) else {
            Testing.Issue.record("not refused")
            return
        }
        #expect(failure.message.contains("no node"))
        #expect(nodes.worker.partitionsOpen == 3)
        nodes.use([0, 1, 0, 1])
        let request = nodes.issue(in: 1)
        nodes.accept(at: 1)
        #expect(nodes.end(request) == .outcome(.accepted(sequence: 1)))
    }

    @Test func `requests to a lost node go to the next one, once the row names it`() {
        let nodes = TwoNodes()
        let request = nodes.issue(in: 1)
        let stays = nodes.issue(in: 3)
        let asked = nodes.gates[1].calls[0].requests
        nodes.use([0, 0, 0, 1])
        #expect(nodes.gates[0].calls.isEmpty, "its row still names the other node")
        nodes.read([0, 0, 0, 1], epoch: 2)
        nodes.worker.pump()
        #expect(nodes.gates[0].calls.map(\.partition.rawValue) == [1])
        #expect(nodes.gates[0].calls[0].requests == asked, "the same request id")
        // The late answer of the lost node is not the caller's.
        nodes.accept(at: 1, sequence: 9)
        #expect(nodes.end(request) == nil)
        nodes.accept(at: 1, sequence: 3)
        #expect(nodes.end(stays) == .outcome(.accepted(sequence: 3)))
        nodes.accept(at: 0, sequence: 2)
        #expect(nodes.end(request) == .outcome(.accepted(sequence: 2)))
    }

    @Test func `a gate is verified only if its Redis is not the one in PostgreSQL's rows`() {
        let nodes = TwoNodes()
        nodes.gates[1].identity = RedisIdentity(runID: "three", replicationID: "c")
        nodes.worker.apply(rows: nil)
        #expect(nodes.gates[0].verified == 0 && nodes.gates[1].verified == 1)
    }

    @Test func `each node is asked about its own replicas`() {
        let nodes = TwoNodes(waitsForReplicas: true)
        let (one, other) = (nodes.issue(in: 0), nodes.issue(in: 1))
        nodes.accept(at: 0)
        nodes.accept(at: 1)
        #expect(nodes.replicas[0].isAsked && nodes.replicas[1].isAsked)
        nodes.replicas[1].answer(
            ReplicaAnswer(
                count: 1, identity: RedisIdentity(runID: "two", replicationID: "b")))
        #expect(nodes.end(other) == .outcome(.accepted(sequence: 1)))
        #expect(nodes.end(one) == nil, "the replicas of its own node have not confirmed it")
        nodes.replicas[0].answer(nil)
        guard case .failure(let failure)? = nodes.end(one) else {
            Testing.Issue.record("not failed")
            return
        }
        #expect(failure.acceptance == .unknown)
    }

    @Test func `an answer to another call, even of the same coupon and size, judges no request`() {
        let stage = WorkerStage()
        let size = Int64(Limits.minimumConcurrentBatch)
        var requests: [UInt64] = []
        for users in [1...size, size + 1...2 * size] {
            requests += users.map { stage.issue(user: $0) }
            stage.endTurn()
        }
        #expect(stage.gate.calls.map(\.requests.count) == [Int(size), Int(size)])
        stage.gate.answer(number: 1) { _ in
            let verdicts = (1...size).map { number in
                GateVerdict.accepted(
                    sequence: size + number, position: Position(epoch: 1, n: size + number))
            }
            return .reply(
                GateReply(
                    epoch: 1, tail: 2 * size, settled: .zero, now: stage.clock.wallNow,
                    results: [
                        .judged(GateJudgement(rev: 1, version: 1, door: .open, verdicts: verdicts))
                    ]))
        }
        #expect(requests.allSatisfy { stage.end($0) == nil })
        stage.pass(milliseconds: 1_008)
        #expect(requests.prefix(Int(size)).allSatisfy { stage.failure($0)?.acceptance == .unknown })
    }
}
