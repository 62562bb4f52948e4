/// `couponctl conns`: connections as an operator sees them, and their end.
import CouponClient
import CouponCore
import CouponWire
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct ConnectionCommandTests {
    private struct Line: Decodable, Equatable {
        let id: Int64
        let principal: String
        let address: String
        let age_ms: Int64
        let in_flight: Int
        let held_bytes: Int
    }

    private func conns(_ words: [String], _ daemon: Daemon) async throws -> CommandRun {
        try await CommandRun(
            builtExecutable("couponctl"),
            ["conns"] + words + ["--json", "--address", "127.0.0.1:\(daemon.port)"])
    }

    private func list(_ words: [String], _ daemon: Daemon) async throws -> [Line] {
        let run = try await conns(["list"] + words, daemon)
        #expect(run.end == .code(0), "\(run.text)")
        return try run.text.split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
    }

    @Test func `connections are listed with what they hold, and ended after their answers`()
        async throws
    {
        let world = try await World()
        let daemon = try await world.daemon()
        _ = try await daemon.client.create(.offer(1, total: 5))
        let lock = try await world.lock(CouponID(1))
        let waiting = try PlainSocket(port: daemon.port)
        try waiting.send(
            Request(
                id: 1, deadlineMilliseconds: 60_000,
                method: .issue(
                    IssueRequest(coupon: CouponID(1), user: UserID(1), waitFor: .issued))))
        let idle = try PlainSocket(port: daemon.port)
        try idle.checkAlive()
        try await eventually("it is accepted") {
            try await daemon.client.status(of: CouponID(1)).accepted == 1
        }

        let all = try await list([], daemon)
        #expect(all.map(\.id) == all.map(\.id).sorted() && all.count >= 4)
        #expect(all.allSatisfy { $0.principal == "anonymous" && $0.age_ms >= 0 })
        let local = try await list(["--from", "127.0.0.1", "--principal", "anonymous"], daemon)
        // The last connection is couponctl's own, whose question is in flight.
        let id = try #require(local.dropLast().first { $0.in_flight == 1 }?.id)
        #expect(try await list(["--from", "192.0.2.1"], daemon).isEmpty)
        #expect(try await list(["--principal", "somebody"], daemon).isEmpty)
        let first = try await list(["--limit", "1"], daemon)
        #expect(first.map(\.id) == [all[0].id])
        let rest = try await list(["--after", "\(all[0].id)"], daemon)
        #expect(rest.contains { $0.id == id } && !rest.contains { $0.id == all[0].id })

        let killed = try await conns(["kill", "\(id)"], daemon)
        #expect(killed.end == .code(0) && killed.text == #"{"ended":1}"#, "\(killed.text)")
        func ended(_ acceptance: Acceptance) -> Response {
            let reason = "an admin has ended this connection"
            return Response(
                id: 0, result: .failure(.unavailable(reason, acceptance: acceptance)))
        }
        #expect(try waiting.response() == ended(.unknown))
        try await lock.release()
        guard case .issue(.issued)? = try waiting.response()?.result else {
            Testing.Issue.record("what was in flight was not answered")
            return
        }
        #expect(try waiting.response() == nil)
        let again = try await conns(["kill", "\(id)"], daemon)
        #expect(again.end == .code(1) && again.text == #"{"ended":0}"#, "\(again.text)")

        // All connections of this address end, except the one that asks.
        let address = try await conns(["kill", "--from", "127.0.0.1"], daemon)
        #expect(address.end == .code(0), "\(address.text)")
        #expect(try idle.response() == ended(.notAccepted))
        #expect(try idle.response() == nil)
        #expect(try await conns(["kill"], daemon).end == .code(64))
        try await eventually("the trail has each") {
            try world.sql(
                """
                SELECT after ->> 'connection' = '\(id)', after ->> 'count' FROM coupond.admin_action
                WHERE method = 'end_connections' ORDER BY id LIMIT 2
                """) == "t|1\nt|0"
        }
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a connection that an admin has ended sees no event that is later`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        let coupon = try await daemon.offer(total: nil)
        let watcher = try PlainSocket(port: daemon.port)
        try watcher.send(
            Request(
                id: 1, deadlineMilliseconds: 60_000,
                method: .watch(EventQuestion(.now, waitMilliseconds: 30_000))))
        var id: Int64?
        try await eventually("it waits") {
            id = try await list([], daemon).dropLast().first { $0.in_flight == 1 }?.id
            return id != nil
        }
        #expect(try await conns(["kill", "\(try #require(id))"], daemon).end == .code(0))
        #expect(try watcher.response()?.id == 0)
        _ = try await daemon.win(coupon, 1)
        // The watch is answered within a second, and not when its 30 seconds are over.
        guard case .failure(let failure)? = try watcher.response()?.result else {
            throw Unexpected(what: "it saw events")
        }
        #expect(failure.code == .unavailable)
        #expect(try watcher.response() == nil)
        #expect(try await daemon.stop() == .code(0))
    }
}
