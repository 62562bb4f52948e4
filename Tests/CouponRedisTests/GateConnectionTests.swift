/// The gate connection with a real Redis: handshake, order, NOSCRIPT, and calls when connections break.
internal import CoreTestKit
internal import CouponCore
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

/// A gate connection on a loop of its own, and what its delegate got.
final class Way: Sendable {
    let recorder = Recorder()
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let gate: NIOLoopBound<GateConnection>

    final class Recorder: GateDelegate, Sendable {
        let answers = Mutex<[GateAnswer]>([])
        let changes = Mutex<Int>(0)

        func gate(didAnswer call: GateCall, with answer: GateAnswer) {
            answers.withLock { $0.append(answer) }
        }

        var isUnanswered: Bool { answers.withLock { $0.isEmpty } }

        func gateDidChange() { changes.withLock { $0 += 1 } }
    }

    init(_ options: RedisOptions) async throws {
        let loop = group.next()
        let recorder = self.recorder
        gate = try await loop.submit {
            let gate = GateConnection(
                eventLoop: loop, options: options, logger: Logger(label: "test"))
            gate.delegate = recorder
            gate.start()
            return NIOLoopBound(gate, eventLoop: loop)
        }.get()
    }

    func identity() async throws -> RedisIdentity? {
        try await gate.eventLoop.submit { self.gate.value.identity }.get()
    }

    func trouble() async throws -> String? {
        try await gate.eventLoop.submit { self.gate.value.trouble }.get()
    }

    func ready() async throws -> RedisIdentity {
        try await eventually("the gate") { try await self.identity() != nil }
        return try #require(try await identity())
    }

    /// Sends calls in one turn of the loop.
    func send(_ calls: [GateRequest]...) async throws {
        try await gate.eventLoop.submit {
            for requests in calls {
                self.gate.value.send(
                    GateCall(
                        partition: partition, epoch: 1,
                        identity: self.gate.value.identity
                            ?? RedisIdentity(runID: "", replicationID: ""),
                        floor: 0, coupon: CouponID(7), requests: requests))
            }
        }.get()
    }

    /// Waits for that many answers in all.
    func answers(_ count: Int) async throws -> [GateAnswer] {
        try await eventually("\(count) answers") {
            self.recorder.answers.withLock { $0.count } >= count
        }
        return recorder.answers.withLock { $0 }
    }

    func verify() async throws {
        try await gate.eventLoop.submit { self.gate.value.verify() }.get()
    }

    func close() async throws {
        try await gate.eventLoop.submit { self.gate.value.close() }.get()
        try await group.shutdownGracefully()
    }
}

extension GateAnswer {
    var verdicts: [GateVerdict] {
        if case .reply(let reply) = self { reply.verdicts } else { [] }
    }

    var isInterrupted: Bool {
        if case .interrupted = self { true } else { false }
    }

    /// The text of an `unavailable`.
    var trouble: String? {
        if case .unavailable(let text) = self { text } else { nil }
    }
}

@Suite struct GateConnectionTests {
    private func accepted(_ sequence: Int64, _ n: Int64) -> [GateVerdict] {
        [.accepted(sequence: sequence, position: at(n))]
    }

    @Test(arguments: [true, false]) func `calls are answered in order`(byUnixSocket: Bool)
        async throws
    {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        var options = fixture.control.options
        if !byUnixSocket {
            options.place = .address(.tcp(host: "127.0.0.1", port: fixture.server.port))
        }
        let way = try await Way(options)
        #expect(try await way.ready() == fixture.control.identity())
        try await way.send([request(bigUser)], [request(2)])
        let answers = try await way.answers(2)
        #expect(answers.map(\.verdicts) == [accepted(1, 1), accepted(2, 2)])
        #expect(try fixture.inspect(bigUser).holder?.sequence == 1)
        try await way.send([])
        guard case .reply(let reply) = try await way.answers(3)[2] else {
            throw BackendError.redis(.unexpectedReply("no reply to a question without requests"))
        }
        #expect(reply.tail == 2 && reply.verdicts.isEmpty)
        try await way.close()
    }

    @Test func `a forgotten script is loaded, and the order stays`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        let way = try await Way(fixture.control.options)
        _ = try await way.ready()
        try await fixture.server.cli("SCRIPT", "FLUSH")
        try await way.send([request(1)], [request(2)])
        #expect(try await way.answers(2).map(\.verdicts) == [accepted(1, 1), accepted(2, 2)])
        try await way.close()
    }

    @Test func `a call without a connection is answered at once`() async throws {
        let way = try await Way(RedisOptions(address: .unix(path: "/nonexistent/redis.sock")))
        try await way.send([request(1)])
        #expect(try await way.answers(1)[0].trouble != nil)
        #expect(try await way.identity() == nil)
        try await way.close()
    }

    /// Rule 14: the call is interrupted when it can no longer run; here it did not run.
    @Test func `a cut connection interrupts its calls`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        var options = fixture.control.options
        // The test cuts the connection; its own timeout must not, even on a slow machine.
        options.commandTimeoutMilliseconds = 60_000
        let way = try await Way(options)
        let identity = try await way.ready()
        try await fixture.server.cli("CLIENT", "PAUSE", "600000", "WRITE")
        try await way.send([request(1)], [request(2)])
        try await eventually("the call to wait in Redis") {
            try await fixture.server.cli("INFO", "clients").contains("blocked_clients:1")
        }
        try await fixture.server.cli("CLIENT", "KILL", "TYPE", "normal")
        let answers = try await way.answers(2)
        #expect(answers.map(\.isInterrupted) == [true, true])
        #expect(try await way.identity() == identity)
        #expect(way.recorder.changes.withLock { $0 } == 3, "up, down, up")
        try await fixture.server.cli("CLIENT", "UNPAUSE")
        try await way.send([request(1)])
        #expect(try await way.answers(3)[2].verdicts == accepted(1, 1))
        try await way.close()
    }

    /// A connection that the daemon gave up is still open in Redis: CLIENT KILL ends it.
    @Test func `a connection that was given up is killed before its calls are answered`()
        async throws
    {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        var options = fixture.control.options
        options.commandTimeoutMilliseconds = 200
        let way = try await Way(options)
        _ = try await way.ready()
        fixture.server.freeze()
        try await way.send([request(1)])
        try await eventually("giving up") { try await way.identity() == nil }
        #expect(way.recorder.isUnanswered, "it may still run")
        fixture.server.thaw()
        #expect(try await way.answers(1)[0].isInterrupted)
        let used = try fixture.inspect().record?.used
        try await way.send([request(1)])
        let verdict = try #require(try await way.answers(2)[1].verdicts.first)
        let expected: GateVerdict =
            used == 1
            ? .replayed(sequence: 1, position: at(1)) : .accepted(sequence: 1, position: at(1))
        #expect(verdict == expected)
        #expect(
            try await fixture.server.cli("INFO", "commandstats").contains("cmdstat_client|kill"))
        try await way.close()
    }

    @Test func `the connection comes back after a restart`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        let way = try await Way(fixture.control.options)
        let before = try await way.ready()
        try await fixture.server.kill()
        try await eventually("the break") { try await way.identity() == nil }
        try await way.send([request(1)])
        #expect(try await way.answers(1)[0].trouble != nil)
        try await fixture.server.restart()
        let after = try await way.ready()
        #expect(after.runID != before.runID)
        try await way.send([request(1)])
        #expect(try await way.answers(2)[1].verdicts == accepted(1, 1), "the gate was durable")
        try await way.close()
    }

    @Test func `a Redis that became a replica is left, a full one is not`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        let way = try await Way(fixture.control.options)
        let before = try await way.ready()
        try await fixture.server.cli("CONFIG", "SET", "maxmemory", "1")
        try await way.send([request(1)])
        #expect(try await way.answers(1)[0].trouble?.contains("maxmemory") == true)
        #expect(way.recorder.changes.withLock { $0 } == 1)
        try await fixture.server.cli("CONFIG", "SET", "maxmemory", "0")
        try await fixture.server.cli("REPLICAOF", "127.0.0.1", "1")
        try await way.send([request(1)])
        #expect(try await way.answers(2)[1].trouble != nil)
        try await eventually("leaving") { way.recorder.changes.withLock { $0 } > 1 }
        #expect(try await way.identity() == nil)
        #expect(throws: BackendError.redis(.refused("Redis is a replica"))) {
            try fixture.control.identity()
        }
        try await fixture.server.cli("REPLICAOF", "NO", "ONE")
        let after = try await way.ready()
        #expect(after.runID == before.runID && after.replicationID != before.replicationID)
        try await way.close()
    }

    @Test func `an idle connection notices that Redis was a replica in between`() async throws {
        let fixture = try await RedisFixture()
        let way = try await Way(fixture.control.options)
        let before = try await way.ready()
        try await way.verify()
        try await fixture.server.cli("REPLICAOF", "127.0.0.1", "1")
        try await fixture.server.cli("REPLICAOF", "NO", "ONE")
        #expect(try await way.identity() == before, "nothing broke the connection")
        try await way.verify()
        try await eventually("the other history") {
            try await way.identity()?.replicationID ?? before.replicationID
                != before.replicationID
        }
        #expect(try await way.identity() == fixture.control.identity())
        try await way.close()
    }

    @Test func `unsafe settings are refused unless allowed`() async throws {
        let fixture = try await RedisFixture(["--appendfsync", "everysec"])
        let way = try await Way(fixture.control.options)
        try await eventually("the refusal") {
            try await way.send([request(1)])
            return way.recorder.answers.withLock { $0.last }?.trouble?
                .contains("appendfsync is everysec, must be always") ?? false
        }
        #expect(try await way.identity() == nil)
        try await way.close()
        var options = fixture.control.options
        options.allowUnsafeSettings = true
        let allowed = try await Way(options)
        _ = try await allowed.ready()
        try await allowed.close()
    }

    @Test func `the password is sent`() async throws {
        let fixture = try await RedisFixture()
        try await fixture.server.cli("CONFIG", "SET", "requirepass", "secret")
        var options = fixture.control.options
        options.username = nil
        let shown = options.credentials
        options.credentials = { RedisCredentials(tls: shown().tls) }
        let without = try await Way(options)
        try await eventually("the refusal") {
            try await without.send([request(1)])
            return without.recorder.answers.withLock { $0.last }?.trouble?.contains("NOAUTH")
                ?? false
        }
        try await without.close()
        options.show(password: "secret")
        options.username = "default"
        let way = try await Way(options)
        _ = try await way.ready()
        try await way.close()
        let control = RedisGateControl(options: options, logger: Logger(label: "test"))
        _ = try control.identity()
    }
}
