/// Waiting for replicas, with real ones.
internal import CouponCore
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

/// A replica connection on a loop of its own, and its answers.
private final class Question: Sendable {
    private final class Recorder: ReplicaDelegate, Sendable {
        let answers = Mutex<[ReplicaAnswer?]>([])

        func replicas(_ link: any ReplicaLink, didAnswer answer: ReplicaAnswer?) {
            answers.withLock { $0.append(answer) }
        }
    }

    private let recorder = Recorder()
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let link: NIOLoopBound<ReplicaConnection>

    init(_ server: RedisServer, replicas: Int = 1, timeout: Int64 = 5_000) async throws {
        let (loop, recorder) = (group.next(), recorder)
        let options = RedisOptions(address: .unix(path: server.socket))
        link = try await loop.submit {
            let link = ReplicaConnection(
                eventLoop: loop, options: options, replicas: replicas,
                timeoutMilliseconds: timeout, logger: Logger(label: "test"))
            link.delegate = recorder
            return NIOLoopBound(link, eventLoop: loop)
        }.get()
    }

    /// A partition that the node serves.
    func use(_ partition: PartitionID) async throws {
        try await link.eventLoop.submit { self.link.value.partition = partition }.get()
    }

    /// Asks, and waits for the answer.
    func ask() async throws -> ReplicaAnswer? {
        let before = recorder.answers.withLock { $0.count }
        try await link.eventLoop.submit { self.link.value.ask() }.get()
        try await eventually("an answer") { self.recorder.answers.withLock { $0.count } > before }
        return recorder.answers.withLock { $0.last.flatMap { $0 } }
    }
}

private func identity(of server: RedisServer) throws -> RedisIdentity {
    let options = RedisOptions(address: .unix(path: server.socket))
    return try RedisGateControl(options: options, logger: Logger(label: "test")).identity()
}

@Suite(.timeLimit(.minutes(10))) struct ReplicaConnectionTests {
    @Test func `a replica that has it is counted`() async throws {
        let master = try await RedisServer()
        let replica = try await RedisServer(replicaOf: master)
        let answer = try await Question(master).ask()
        #expect(answer == ReplicaAnswer(count: 1, identity: try identity(of: master)))
        _ = replica
    }

    @Test func `in a cluster a key is written before WAIT`() async throws {
        let cluster = try await RedisCluster(masters: 1)
        let question = try await Question(cluster.nodes[0], timeout: 100)
        try await eventually("the replica counts") { try await question.ask()?.count == 1 }
        #expect(try await cluster.nodes[0].cli("KEYS", "*") == "coupond:{0}:replicas")
        // Partition 0 may have left the node.
        try await question.use(PartitionID(1))
        #expect(try await question.ask()?.count == 1)
        let keys = try await cluster.nodes[0].cli("KEYS", "*").split(separator: "\n").sorted()
        #expect(keys == ["coupond:{0}:replicas", "coupond:{1}:replicas"])
        cluster.nodes[1].freeze()
        #expect(try await question.ask()?.count == 0)
        cluster.nodes[1].thaw()
    }

    @Test func `a frozen replica is not counted until it runs again`() async throws {
        let master = try await RedisServer()
        let replica = try await RedisServer(replicaOf: master)
        let question = try await Question(master, timeout: 100)
        replica.freeze()
        #expect(try await question.ask()?.count == 0)
        replica.thaw()
        try await eventually("it counts") { try await question.ask()?.count == 1 }
    }

    @Test func `without replicas the count is 0`() async throws {
        let master = try await RedisServer()
        #expect(try await Question(master, timeout: 10).ask()?.count == 0)
    }

    @Test func `a replica itself and a Redis that is away answer nil`() async throws {
        let master = try await RedisServer()
        let replica = try await RedisServer(replicaOf: master)
        let demoted = try await Question(replica)
        #expect(try await demoted.ask() == nil)
        let question = try await Question(master)
        #expect(try await question.ask()?.count == 1)
        try await master.kill()
        #expect(try await question.ask() == nil)
        try await master.restart()
        try await eventually("it is asked over a new connection") {
            try await question.ask() != nil
        }
    }

    @Test func `many questions in a row make few attempts to connect`()
        async throws
    {
        let master = try await RedisServer()
        try await master.cli("ACL", "SETUSER", "default", "-wait")
        let question = try await Question(master, timeout: 10)
        let start = ContinuousClock.now
        for _ in 1...8 { #expect(try await question.ask() == nil) }
        // The pauses are at least 25, 50, 100, 200 and three times 250 ms.
        #expect(start.duration(to: .now) >= .milliseconds(1_125))
        try await master.cli("ACL", "SETUSER", "default", "+wait")
        #expect(try await question.ask()?.count == 0)
    }

    @Test func `a promoted replica is another Redis`() async throws {
        let master = try await RedisServer()
        let replica = try await RedisServer(replicaOf: master)
        let before = try identity(of: master)
        try await replica.cli("REPLICAOF", "NO", "ONE")
        let answer = try await Question(replica, timeout: 10).ask()
        #expect(answer?.count == 0 && answer?.identity != before)
    }
}
