import CouponClient
import CouponCore
import CouponWire
import NIOCore
import TestSupport
import TestWorld
import Testing

/// Many users of one coupon in one request.
@Suite(.machine(.asking), .timeLimit(.minutes(2))) struct BatchTests {
    private func sequences(_ ends: [Result<Outcome, Failure>]) -> [Int64] {
        ends.compactMap {
            switch $0 {
            case .success(.accepted(let sequence)), .success(.issued(let sequence, _)): sequence
            default: nil
            }
        }
    }

    @Test func `each user of a batch has its own outcome, and the rows are there`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        let client = daemon.client
        _ = try await client.create(.offer(1, total: 600))
        let batch = IssueBatch(
            coupon: 1, items: (1...1_000).map { IssueBatch.Item(user: UserID($0)) },
            waitFor: .issued)
        let ends = try await client.issue(batch)
        #expect(ends.count == 1_000)
        #expect(sequences(ends).sorted() == Array(1...600))
        #expect(ends.count { $0 == .success(.soldOut) } == 400)
        #expect(try world.issued == 600)
        for index in [0, 300, 599] {
            guard case .success(.issued(let sequence, _)) = ends[index] else { continue }
            let row = try world.sql(
                "SELECT sequence FROM coupond.coupon_issue WHERE user_id = \(index + 1)")
            #expect(row == "\(sequence)", "results are in the order of the request")
        }
        // The same request ids get the same sequences, in a batch or alone.
        var again = batch
        again.attempt = 1
        let repeated = try await client.issue(again)
        #expect(sequences(repeated).sorted() == Array(1...600))
        let holder = try #require(
            ends.firstIndex { if case .success(.issued) = $0 { true } else { false } })
        let alone = try await client.issue(again.request(holder))
        #expect(.success(alone) == ends[holder])
        let statuses = try await client.status(of: 1, users: batch.items.map(\.user))
        #expect(statuses.coupon.issued == 600 && statuses.accepted == 600)
        for (status, end) in zip(statuses.users, ends) {
            switch (status, end) {
            case (.issued(let sequence, _), .success(.issued(let other, _))):
                #expect(sequence == other)
            case (.none, .success(.soldOut)): break
            default: Testing.Issue.record("\(status) and \(end)")
            }
        }
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `a user of a batch may fail while the others are accepted`() async throws {
        let world = try await World()
        let daemon = try await world.daemon(["--user-rate", "1"])
        _ = try await daemon.client.create(.offer(1, total: nil))
        // One user asks thirty times, which its rate does not allow.
        let users: [UserID] = [1] + Array(repeating: 2, count: 30) + [3]
        let ends = try await daemon.client.issue(
            IssueBatch(coupon: 1, items: users.map { IssueBatch.Item(user: $0) }))
        #expect(sequences([ends[0], ends[1], ends[31]]) == [1, 2, 3])
        let refused = ends.compactMap {
            if case .failure(let failure) = $0 { failure } else { nil }
        }
        #expect(!refused.isEmpty)
        #expect(
            refused.allSatisfy {
                $0.code == .resourceExhausted && $0.acceptance == .notAccepted
            })
    }

    @Test func `a batch for a coupon that does not exist says so for each user`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        let ends = try await daemon.client.issue(
            IssueBatch(coupon: 9, items: [1, 2].map { IssueBatch.Item(user: $0) }))
        #expect(ends == [.success(.notFound), .success(.notFound)])
        let error = await #expect(throws: ClientError.self) {
            try await daemon.client.status(of: 9, users: [1, 2])
        }
        guard case .refused(let failure) = error else {
            Testing.Issue.record("got \(String(describing: error))")
            return
        }
        #expect(failure.code == .notFound)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `couponctl asks for the users of a file, and may ask again`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        _ = try await daemon.client.create(.offer(1, total: 1_500))
        let file = try world.folder.write(
            (1...1_600).map { "\($0)\n" }.joined(), to: "users")
        func run(_ command: String, _ arguments: String...) async throws -> [Substring] {
            let run = try await CommandRun(
                builtExecutable("couponctl"),
                [command, "--coupon", "1", "--users-file", file, "--address"]
                    + ["127.0.0.1:\(daemon.port)"] + arguments)
            #expect(run.end == .code(command == "issue" ? 1 : 0), "\(run.text.suffix(300))")
            return run.text.split(separator: "\n")
        }
        let first = try await run("issue", "--wait-issued", "--deadline", "60s")
        #expect(first.count == 1_600)
        #expect(first.count { $0.contains(" ISSUED ") } == 1_500)
        #expect(first.count { $0.contains(" SOLD_OUT") } == 100)
        let again = try await run("issue", "--wait-issued", "--json", "--deadline", "60s")
        #expect(again.count { $0.contains(#""outcome":"ISSUED""#) } == 1_500)
        #expect(try world.issued == 1_500)
        let states = try await run("status")
        #expect(states.count { $0.contains(" ISSUED ") } == 1_500)
        #expect(states.count { $0.hasSuffix(" NONE") } == 100)
        #expect(try await daemon.stop() == .code(0))
    }

    @Test func `batches for which a turn has no time are answered in the next ones`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        _ = try await daemon.client.create(.offer(1, total: 1))
        #expect(try await daemon.win(CouponID(1), 1) == 1)
        try await eventually("it bounces") { try await daemon.ask(CouponID(1), 2) == .soldOut }
        let batch = IssueBatch(
            coupon: 1, items: (1...1_000).map { IssueBatch.Item(user: UserID(10 + $0)) })
        let frames = try (1...4 as ClosedRange<UInt64>).flatMap { id in
            try Request(id: id, deadlineMilliseconds: 30_000, method: .issueBatch(batch)).frame()
        }
        let sockets = try (0..<40).map { _ in try PlainSocket(port: daemon.port) }
        for socket in sockets {
            try socket.send(frames)
            try socket.send(Request(id: 5, method: .health))
        }
        for socket in sockets {
            for id in 1...4 as ClosedRange<UInt64> {
                let answer = try #require(try socket.response())
                guard case .issueBatch(let ends) = answer.result else {
                    throw Unexpected(what: "\(answer)")
                }
                #expect(answer.id == id && ends.count == 1_000)
                #expect(ends.allSatisfy { $0 == .success(.soldOut) })
            }
            try socket.expectHealth(id: 5)
        }
        #expect(try await daemon.stop() == .code(0))
    }
}
