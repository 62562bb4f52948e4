/// The blocking connection: settings, forgotten scripts, breaks, waiting, and damaged entries.
internal import CouponCore
internal import Logging
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

@Suite struct GateControlTests {
    @Test(arguments: [
        ("appendfsync", "everysec"), ("appendonly", "no"), ("no-appendfsync-on-rewrite", "yes"),
        ("maxmemory-policy", "allkeys-lru"),
    ])
    func `unsafe settings are refused`(name: String, value: String) async throws {
        let fixture = try await RedisFixture()
        _ = try fixture.control.identity()
        try await fixture.server.cli("CONFIG", "SET", name, value)
        let error = #expect(throws: BackendError.self) { try fixture.control.identity() }
        guard case .redis(.unsafeSettings(let text)) = error else {
            throw BackendError.redis(.unexpectedReply("\(String(describing: error))"))
        }
        #expect(text.hasPrefix("\(name) is \(value), must be "))
        _ = try fixture.another { $0.allowUnsafeSettings = true }.identity()
    }

    @Test func `a forgotten script is loaded again`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        _ = try fixture.ask(request(1))
        let rows = [partitionRow(epoch: 1), partitionRow(epoch: 2)]
        try await fixture.server.cli("SCRIPT", "FLUSH")
        let views = try fixture.control.heartbeatViews(rows)
        #expect(views.map { $0?.items.count } == [1, nil])
    }

    @Test func `a broken connection is replaced`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        try await fixture.server.cli("CLIENT", "KILL", "TYPE", "normal")
        #expect(throws: BackendError.self) { try fixture.view() }
        #expect(try fixture.view().status == .open)
        try await fixture.server.kill()
        #expect(throws: BackendError.self) { try fixture.view() }
        #expect(throws: BackendError.self) { try fixture.view() }
        try await fixture.server.restart()
        try await eventually("it connects") { try fixture.view().status == .open }
    }

    @Test
    func `soon after a failed attempt to connect, the same error comes without a new attempt`()
        async throws
    {
        let fixture = try await RedisFixture()
        try await fixture.server.cli("ACL", "SETUSER", "stranger", "on", "nopass", "-@all", "+auth")
        let stranger = fixture.another {
            $0.username = "stranger"
            $0.show(password: "any")
        }
        let before = try await fixture.connections()
        for _ in 1...1_000 {
            let error = #expect(throws: BackendError.self) { try stranger.identity() }
            guard case .redis(.missingRights(let text)) = error, text.contains("NOPERM") else {
                throw BackendError.redis(.unexpectedReply("\(String(describing: error))"))
            }
        }
        #expect(try await fixture.connections() - before < 100)
        try await fixture.server.cli("ACL", "SETUSER", "stranger", "+@all")
        try await eventually("it connects") {
            try stranger.identity() == fixture.control.identity()
        }
    }

    @Test func `a full disk is not reported as an unsafe setting`() throws {
        func server(_ status: String, _ fsync: String) -> RedisServerInfo {
            RedisServerInfo(
                info: .bytes(Array("aof_last_write_status:\(status)\r\n".utf8)),
                config: .array(
                    [
                        "appendonly", "yes", "appendfsync", fsync, "no-appendfsync-on-rewrite",
                        "no",
                        "maxmemory-policy", "noeviction",
                    ].map { .bytes(Array($0.utf8)) }))
        }
        #expect(server("ok", "always").complaints == [])
        #expect(server("err", "always").unsafeSettings == [])
        #expect(server("err", "always").complaints.count == 1)
        #expect(server("err", "no").unsafeSettings == ["appendfsync is no, must be always"])
        #expect(server("err", "no").complaints.count == 2)
        let causes = [server("err", "always"), server("err", "no"), server("ok", "no")].map {
            RedisServerInfo.cause(of: $0.fault.text)
        }
        #expect(causes == ["MISCONF", "UNSAFE", "UNSAFE"])
        #expect(RedisServerInfo.cause(of: "Redis is loading its data") == nil)
    }

    @Test func `a single call does not fail because of an earlier break`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        try await fixture.server.kill()
        try await fixture.server.restart()
        let inspection = try fixture.control.inspect(coupon().id, partition: partition, user: nil)
        #expect(inspection.status == .open)
        try await fixture.server.cli("CLIENT", "KILL", "TYPE", "normal")
        #expect(throws: BackendError.self) { try fixture.view() }
    }

    @Test func `many coupons and users are inspected in one round trip, partition by partition`()
        async throws
    {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        _ = try fixture.ask(request(1))
        let here = Partitioning(count: 4)
        let questions =
            (1...2_500 as ClosedRange<Int64>).map { user in
                StatusQuestion(coupon: coupon().id, user: UserID(user))
            } + [
                StatusQuestion(coupon: coupon().id, user: nil),
                StatusQuestion(coupon: CouponID(coupon().id.rawValue + 1), user: UserID(1)),
            ]
        let found = try fixture.control.inspect(questions, here).map { try $0.get() }
        #expect(found.count == questions.count)
        #expect(found[0].holder?.sequence == 1)
        #expect(found[1..<2_501].allSatisfy { $0.holder == nil && $0.record?.queued == 1 })
        #expect(found[2_501].status == .missing && found[2_501].record == nil)
        #expect(try fixture.control.identity() == found[0].identity)
        #expect(fixture.control.inspect([], here).isEmpty)
    }

    @Test func `a silent Redis is given up`() async throws {
        let fixture = try await RedisFixture()
        let control = fixture.another { $0.commandTimeoutMilliseconds = 100 }
        _ = try control.identity()
        fixture.server.freeze()
        let error = #expect(throws: BackendError.self) { try control.identity() }
        #expect(error == .redis(.unavailable("Redis did not answer within 100 ms")))
        fixture.server.thaw()
        try await eventually("it is used again") { try control.identity().runID.isEmpty == false }
    }

    /// The error is remembered for some milliseconds only: a round in which the test was slower does not
    /// count.
    @Test func `jobs that follow one without an answer of Redis do not each wait for a timeout`()
        async throws
    {
        let fixture = try await RedisFixture()
        let milliseconds: Int64 = 500
        let control = fixture.another { $0.commandTimeoutMilliseconds = milliseconds }
        for _ in 1...5 {
            try await eventually("it answers") { try !control.identity().runID.isEmpty }
            fixture.server.freeze()
            defer { fixture.server.thaw() }
            #expect(throws: BackendError.self) { try control.identity() }
            let start = FairClock.now
            let error = #expect(throws: BackendError.self) { try control.identity() }
            #expect(error == .redis(.unavailable("Redis did not answer within 500 ms")))
            if FairClock.now - start < .milliseconds(milliseconds / 2) { return }
        }
        Testing.Issue.record("each one has waited")
    }

    @Test func `the thread does something else while Redis does not answer`() async throws {
        let fixture = try await RedisFixture()
        var calls = 0
        let control = RedisGateControl(
            options: fixture.control.options, logger: Logger(label: "test"),
            whileWaiting: {
                calls += 1
                if calls == 3 { fixture.server.thaw() }
            })
        _ = try control.identity()
        calls = 0
        fixture.server.freeze()
        _ = try control.identity()
        #expect(calls >= 3)
    }

    @Test func `the thread does something else while Redis does not read`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open()
        var calls = 0
        let control = RedisGateControl(
            options: fixture.control.options, logger: Logger(label: "test"),
            whileWaiting: {
                calls += 1
                if calls == 3 { fixture.server.thaw() }
            })
        let (_, load) = try fixture.claim()
        let holders = (1...100_000 as ClosedRange<Int64>).map { holder($0, sequence: $0) }
        _ = try control.identity()
        calls = 0
        fixture.server.freeze()
        #expect(
            try control.stage(
                holders, of: coupon().id, partition: partition, epoch: 1, load: load))
        #expect(calls >= 3)
    }

    @Test func `an error of what the thread does during a call ends the call`() async throws {
        let fixture = try await RedisFixture()
        let lost = BackendError.postgres(.sessionLost("ended"))
        var isLost = false
        let control = RedisGateControl(
            options: fixture.control.options, logger: Logger(label: "test"),
            whileWaiting: { () throws(BackendError) in if isLost { throw lost } })
        _ = try control.identity()
        isLost = true
        fixture.server.freeze()
        let error = #expect(throws: BackendError.self) { try control.identity() }
        #expect(error == lost)
        isLost = false
        fixture.server.thaw()
        _ = try control.identity()
    }

    @Test func `a wait returns the queues that have grown`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        let other = PartitionID(4)
        let queues = [(partition: other, after: Position.zero), (partition, .zero)]
        #expect(try fixture.control.wait(for: queues, milliseconds: 1).isEmpty)
        #expect(try fixture.control.wait(for: [], milliseconds: 1).isEmpty)
        _ = try fixture.ask(request(1))
        #expect(try fixture.control.wait(for: queues, milliseconds: 60_000) == [partition])
        #expect(try fixture.control.wait(for: queues, milliseconds: 60_000) == [partition])
        #expect(try fixture.control.wait(for: [(partition, at(1))], milliseconds: 0).isEmpty)
    }

    @Test func `a cluster's queues are watched by parked reads, and an entry ends the wait`()
        async throws
    {
        let fixture = try await RedisFixture.cluster()
        try fixture.open(coupon())
        let control = fixture.another()
        let queues = (0..<8).map { (partition: PartitionID($0), after: Position.zero) }
        #expect(try control.wait(for: queues, milliseconds: 1).isEmpty)
        _ = try fixture.ask(request(1))
        // Without an entry the wait would take a minute, and find nothing.
        #expect(try control.wait(for: queues, milliseconds: 60_000) == [partition])
        // The entry is found again as long as its position is after the one that is asked about.
        #expect(try control.wait(for: queues, milliseconds: 60_000) == [partition])
        let next = queues.map {
            (partition: $0.partition, after: $0.partition == partition ? at(1) : $0.after)
        }
        #expect(try control.wait(for: next, milliseconds: 1).isEmpty)
        let before = try await fixture.connections()
        for _ in 1...50 { #expect(try control.wait(for: next, milliseconds: 1).isEmpty) }
        #expect(try await fixture.connections() == before + 1, "only redis-cli has connected")
        try await fixture.server.cli("DEL", Keys.queue(PartitionID(5)))
        _ = try fixture.ask(request(2))
        #expect(try control.wait(for: next, milliseconds: 60_000) == [partition])
    }

    @Test func `queues that are watched survive a restart of their Redis`() async throws {
        let fixture = try await RedisFixture.cluster()
        let control = fixture.another()
        let queues = (0..<4).map { (partition: PartitionID($0), after: Position.zero) }
        #expect(try control.wait(for: queues, milliseconds: 1).isEmpty)
        try await fixture.server.kill()
        #expect(try !control.wait(for: queues, milliseconds: 60_000).isEmpty, "look again")
        try await fixture.server.restart()
        try await fixture.untilServing()
        try fixture.open(coupon())
        _ = try fixture.ask(request(1))
        try await eventually("the entry is found") {
            try control.wait(for: queues, milliseconds: 100) == [partition]
        }
    }

    @Test func `entries are read whole, up to a limit`() async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon(total: nil))
        for n in 0..<150 {
            _ = try fixture.ask(request(Int64(n) * 2 + 1), request(Int64(n) * 2 + 2))
        }
        #expect(try fixture.view().items.count == 150)
        #expect(try fixture.view(maximum: 201).items.count == 100)
        #expect(try fixture.view(maximum: 1).items.map(\.position) == [at(1)])
        #expect(
            try fixture.view(after: at(3), upTo: at(5)).items.map(\.position) == [at(4), at(5)])
        #expect(try fixture.view(after: at(150)).items.isEmpty)
    }

    @Test(arguments: [
        ["e", "garbage"], ["e", ""], ["other", "x"], ["e", "\u{1}", "f", "x"],
    ])
    func `the users of a damaged entry are found among the holders`(fields: [String]) async throws {
        let fixture = try await RedisFixture()
        try fixture.open(coupon())
        _ = try fixture.ask(request(bigUser), request(2, "b"))
        _ = try fixture.ask(request(3))
        let queue = Keys.queue(partition)
        try await fixture.server.cli("DEL", queue)
        _ = try fixture.control.perform(partition) { connection throws(BackendError) in
            var command = Command(argumentCount: 3 + fields.count)
            for word in ["XADD", queue, "1-1"] + fields { command.append(word) }
            return try connection.call(command)
        }
        guard case .damaged(let damaged) = try #require(try fixture.view().items.first) else {
            throw BackendError.redis(.unexpectedReply("taken for an entry"))
        }
        #expect(damaged.position == at(1) && damaged.holders.isEmpty)
        #expect(
            try fixture.control.entries(partition, after: .zero, limit: 9) == [.damaged(damaged)])
        #expect(
            try fixture.search([at(1)]).found.holders(at: at(1)) == [
                AcceptedRequest(
                    coupon: CouponID(7), user: UserID(bigUser), sequence: 1, requestID: id("a")),
                AcceptedRequest(
                    coupon: CouponID(7), user: UserID(2), sequence: 2, requestID: id("b")),
            ])
    }
}
