/// The blocking connection: settings, forgotten scripts, breaks, waiting, and damaged entries.
internal import CouponCore
internal import TestSupport
internal import Testing

@testable internal import CouponRedis

@Suite struct GateControlTests {
    @Test(arguments: [
        ("appendfsync", "everysec"), ("appendonly", "no"), ("no-appendfsync-on-rewrite", "yes"),
        ("maxmemory-policy", "allkeys-lru"),
    ])
    func refusesUnsafeSettings(name: String, value: String) async throws {
        let bench = try await Bench()
        _ = try bench.control.identity()
        try await bench.server.cli("CONFIG", "SET", name, value)
        let error = #expect(throws: GateControlError.self) { try bench.control.identity() }
        guard case .unsafeSettings(let text) = error else {
            throw GateControlError.unexpectedReply("\(String(describing: error))")
        }
        #expect(text.hasPrefix("\(name) is \(value), must be "))
        _ = try bench.another { $0.allowUnsafeSettings = true }.identity()
    }

    @Test func loadsForgottenScripts() async throws {
        let bench = try await Bench()
        try bench.open(coupon())
        _ = try bench.ask(request(1))
        let rows = [partitionRow(epoch: 1), partitionRow(epoch: 2)]
        try await bench.server.cli("SCRIPT", "FLUSH")
        let views = try bench.control.heartbeat(rows)
        #expect(views.map { $0?.items.count } == [1, nil])
    }

    @Test func connectsAnewAfterABreak() async throws {
        let bench = try await Bench()
        try bench.open(coupon())
        try await bench.server.cli("CLIENT", "KILL", "TYPE", "normal")
        #expect(throws: GateControlError.self) { try bench.view() }
        #expect(try bench.view().status == .open)
        try await bench.server.kill()
        #expect(throws: GateControlError.self) { try bench.view() }
        #expect(throws: GateControlError.self) { try bench.view() }
        try await bench.server.restart()
        try await eventually("it connects") { try bench.view().status == .open }
    }

    @Test
    func `whoever comes soon after a failed attempt to connect is told the same, without another`()
        async throws
    {
        let bench = try await Bench()
        try await bench.server.cli("ACL", "SETUSER", "stranger", "on", "nopass", "-@all", "+auth")
        let stranger = bench.another {
            $0.username = "stranger"
            $0.password = "any"
        }
        let before = try await bench.connections()
        for _ in 1...1_000 {
            let error = #expect(throws: GateControlError.self) { try stranger.identity() }
            guard case .unavailable(let text) = error, text.contains("NOPERM") else {
                throw GateControlError.unexpectedReply("\(String(describing: error))")
            }
        }
        #expect(try await bench.connections() - before < 100)
        try await bench.server.cli("ACL", "SETUSER", "stranger", "+@all")
        try await eventually("it connects") { try stranger.identity() == bench.control.identity() }
    }

    @Test func `a disk that is full for now is no fault of the configuration`() throws {
        func server(_ status: String, _ fsync: String) -> ServerInfo {
            ServerInfo(
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
    }

    @Test func whoAsksOneThingIsNotToldOfABreakBefore() async throws {
        let bench = try await Bench()
        try bench.open(coupon())
        try await bench.server.kill()
        try await bench.server.restart()
        let inspection = try bench.control.inspect(coupon().id, partition: partition, user: nil)
        #expect(inspection.status == .open)
        try await bench.server.cli("CLIENT", "KILL", "TYPE", "normal")
        #expect(throws: GateControlError.self) { try bench.view() }
    }

    @Test func aSilentRedisIsGivenUp() async throws {
        let bench = try await Bench()
        let control = bench.another { $0.commandTimeoutMilliseconds = 100 }
        _ = try control.identity()
        bench.server.freeze()
        let error = #expect(throws: GateControlError.self) { try control.identity() }
        #expect(error == .unavailable("Redis did not answer within 100 ms"))
        bench.server.thaw()
        _ = try control.identity()
    }

    @Test func tellsWhichQueuesHaveGrown() async throws {
        let bench = try await Bench()
        try bench.open(coupon())
        let other = PartitionID(4)
        let queues = [(partition: other, after: Position.zero), (partition, .zero)]
        #expect(try bench.control.wait(for: queues, milliseconds: 1).isEmpty)
        #expect(try bench.control.wait(for: [], milliseconds: 1).isEmpty)
        _ = try bench.ask(request(1))
        #expect(try bench.control.wait(for: queues, milliseconds: 0) == [partition])
        #expect(try bench.control.wait(for: queues, milliseconds: 10_000) == [partition])
        #expect(try bench.control.wait(for: [(partition, at(1))], milliseconds: 0).isEmpty)
    }

    @Test func readsWholeEntriesUpToALimit() async throws {
        let bench = try await Bench()
        try bench.open(coupon(total: nil))
        for n in 0..<150 { _ = try bench.ask(request(Int64(n) * 2 + 1), request(Int64(n) * 2 + 2)) }
        #expect(try bench.view().items.count == 150)
        #expect(try bench.view(maximum: 201).items.count == 100)
        #expect(try bench.view(maximum: 1).items.map(\.position) == [at(1)])
        #expect(try bench.view(after: at(3), upTo: at(5)).items.map(\.position) == [at(4), at(5)])
        #expect(try bench.view(after: at(150)).items.isEmpty)
    }

    @Test(arguments: [
        ["e", "garbage"], ["e", ""], ["other", "x"], ["e", "\u{1}", "f", "x"],
    ])
    func theUsersOfADamagedEntryAreFoundAmongTheHolders(fields: [String]) async throws {
        let bench = try await Bench()
        try bench.open(coupon())
        _ = try bench.ask(request(bigUser), request(2, "b"))
        _ = try bench.ask(request(3))
        let queue = Keys.queue(partition)
        try await bench.server.cli("DEL", queue)
        _ = try bench.control.perform { connection throws(GateControlError) in
            var command = Command(argumentCount: 3 + fields.count)
            for word in ["XADD", queue, "1-1"] + fields { command.append(word) }
            return try connection.call(command)
        }
        guard case .damaged(let damaged) = try #require(try bench.view().items.first) else {
            throw GateControlError.unexpectedReply("taken for an entry")
        }
        #expect(damaged.position == at(1) && damaged.holders.isEmpty)
        #expect(try bench.control.entries(partition, after: .zero, limit: 9) == [.damaged(damaged)])
        #expect(
            try bench.search([at(1)]).found.holders(at: at(1)) == [
                Holding(
                    coupon: CouponID(7), user: UserID(bigUser), sequence: 1, requestID: id("a")),
                Holding(coupon: CouponID(7), user: UserID(2), sequence: 2, requestID: id("b")),
            ])
    }
}
